//! What comes before a response, and says that one is to come.

use http::StatusCode;

use crate::error::Error;

/// Interim responses before the one that counts. Arbitrary; servers send one or two.
const MOST: u8 = 32;

/// The interim responses of one exchange so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Interim {
    count: u8,
    continues: bool,
}

impl Interim {
    /// One more has come.
    ///
    /// Fails if it is one that may not come, or one too many.
    pub(crate) fn take(&mut self, status: StatusCode) -> Result<(), Error> {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let what = "it switches to a protocol that was not asked for".to_owned();
            return Err(Error::MalformedResponse(what));
        }
        self.continues |= status == StatusCode::CONTINUE;
        self.count += 1;
        if self.count > MOST {
            let what = format!("it comes after more than {MOST} interim ones");
            return Err(Error::MalformedResponse(what));
        }
        Ok(())
    }

    /// How many have come.
    pub(crate) fn count(&self) -> u8 {
        self.count
    }

    /// Whether the peer has said that it wants the body.
    pub(crate) fn continues(&self) -> bool {
        self.continues
    }
}
