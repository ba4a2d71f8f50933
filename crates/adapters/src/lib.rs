//! Adapters: implementations of the ports of `devices-domain`.

pub mod postgres;
