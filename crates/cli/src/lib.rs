//! pab as a library, so that man pages and completions can be generated.
