//! The program `pab`; everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    pabawi_cli::main()
}
