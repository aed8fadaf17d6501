//! Options from outside.

use scouter_core::options;

#[test]
fn changed_option_is_read_by_name_and_by_its_static() {
    assert_eq!(options::value("sql_slow_time_ms").as_deref(), Some("500"));
    options::set("sql_slow_time_ms", " 750 ").unwrap();
    assert_eq!(options::SQL_SLOW_TIME_MS.value(), 750);
    options::set("sql_slow_time_ms", "500").unwrap();
}

#[test]
fn error_of_a_misspelt_option_names_the_right_one() {
    let error = options::set("xlog_error_jdbc_fetch_maximum", "5").unwrap_err();
    assert!(error.to_string().ends_with("did you mean `xlog_error_jdbc_fetch_max`?"));
}
