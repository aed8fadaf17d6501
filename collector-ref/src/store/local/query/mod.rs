//! Questions over a view.

mod differences;
mod filter;
mod grid;
mod heights;
mod page;
mod parts;
mod points;
mod services;
mod summary;
mod values;
mod walk;

pub(crate) use differences::differences;
pub(crate) use grid::grid;
pub(crate) use page::page;
pub(crate) use points::points;
pub(crate) use services::services;
pub(crate) use summary::summary;
pub(crate) use walk::walk;
