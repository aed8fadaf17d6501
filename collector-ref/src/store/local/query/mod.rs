//! Questions over a view.

mod filter;
mod page;
mod points;
mod services;

pub(crate) use page::page;
pub(crate) use points::points;
pub(crate) use services::services;
