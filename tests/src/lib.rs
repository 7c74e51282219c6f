//! What the whole-workspace tests share: both vendors in a sandbox, the service in front of them,
//! and the truth to hold the CRM against.

mod clinic;
mod desk;
mod emr;
pub mod fuzz;
mod inbox;
mod observed;
mod patience;
mod receiver;
mod seeds;
mod shop;
mod told;
mod truth;
mod world;

pub use clinic::{Clinic, trouble};
pub use desk::Desk;
pub use emr::{Emr, patientnow_config, zenoti_config, zenoti_password};
pub use inbox::Inbox;
pub use observed::{conflicts, differences, links};
pub use patience::Patience;
pub use receiver::Receiver;
pub use seeds::{SEEDS, each_seed};
pub use shop::{Shop, ShopConfig};
pub use told::untold;
pub use truth::{Depth, Truth, compare};
pub use world::{World, WorldConfig, aesthetix_config, nextech_config};
