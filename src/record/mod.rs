//! Events to call records, live views and reports.
