//! Version and revision of this build.

/// Version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Git revision of the source code. `None` if it is not known: see the build script.
pub const REVISION: Option<&str> = option_env!("BUILD_REVISION");
