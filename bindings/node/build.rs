//! Tells the linker what an addon of Node needs. Main function: [`main`].

fn main() {
    napi_build::setup();
}
