//! Nothing: the application is its tests.
