//! HTTP: metrics, health, the read-only API and the wallboard.
