//! Systems name and number errors as their own headers do.

use portsim_model::event::Error;
use portsim_model::os_error::{aix, errno, freebsd, illumos, macos};

#[test]
fn each_unix_has_numbers_of_its_own() {
    let rows = [
        (
            Error::Timeout,
            [
                "ETIMEDOUT 110",
                "ETIME 62",
                "ETIMEDOUT 78",
                "ETIMEDOUT 60",
                "ETIMEDOUT 60",
            ],
        ),
        (
            Error::Abandoned,
            [
                "ECANCELED 125",
                "EBADFD 81",
                "ECANCELED 117",
                "ECANCELED 85",
                "ECANCELED 89",
            ],
        ),
        (
            Error::NotOwner,
            ["EPERM 1", "EACCES 13", "EPERM 1", "EPERM 1", "EPERM 1"],
        ),
        (
            Error::Exists,
            [
                "EEXIST 17",
                "EEXIST 17",
                "EALREADY 56",
                "EEXIST 17",
                "EEXIST 17",
            ],
        ),
        (
            Error::Limit,
            [
                "EOVERFLOW 75",
                "EAGAIN 11",
                "EOVERFLOW 127",
                "EOVERFLOW 84",
                "EOVERFLOW 84",
            ],
        ),
        (
            Error::Pending,
            [
                "EINPROGRESS 115",
                "EINPROGRESS 150",
                "EINPROGRESS 55",
                "EINPROGRESS 36",
                "EINPROGRESS 36",
            ],
        ),
        (
            Error::Cancelled,
            [
                "ECANCELED 125",
                "ECANCELED 47",
                "ECANCELED 117",
                "ECANCELED 85",
                "ECANCELED 89",
            ],
        ),
    ];
    for (error, expected) in rows {
        let all = [errno, illumos, aix, freebsd, macos].map(|of| {
            let it = of(error);
            format!("{} {}", it.name, it.number)
        });
        assert_eq!(all, expected, "{error:?}");
    }
}
