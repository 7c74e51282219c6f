//! What the whole-workspace tests share: both vendors in a sandbox, the service in front of them,
//! and the truth to hold the CRM against.

mod desk;
mod observed;
mod truth;
mod world;

pub use desk::Desk;
pub use observed::{conflicts, differences, links};
pub use truth::{Truth, compare};
pub use world::{World, WorldConfig, aesthetix_config, nextech_config, seeds};
