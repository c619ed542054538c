//! Gives the shared library the name by which programs look for it, SONAME (ld.so(8)). Main function: [`main`].

fn main() {
    // With the number of the ABI, `PABAWI_ABI_VERSION`.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libpabawi.so.1");
    println!("cargo:rerun-if-changed=build.rs");
}
