#![allow(unused_variables)]

use scouter_macros::scout;

#[scout(skip(password))]
fn alone(user: &str, password: &str) {}

#[scout(args(user), skip(password))]
fn with_a_list(user: &str, password: &str) {}

#[scout(args(all), skip(passwort, user.name))]
fn misspelt(user: &str, password: &str) {}

fn main() {
    alone("", "");
    with_a_list("", "");
    misspelt("", "");
}
