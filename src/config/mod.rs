//! Texts to a configuration, or to diagnostics.
