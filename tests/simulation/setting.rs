//! What kind of run it is: most are rough, and some are made for what is rare otherwise.

use fastrand::Rng;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Nobody does anything wrong and time passes slowly, so there is no excuse: whoever asks for
    /// something gets it.
    pub(crate) calm: bool,
    /// Many clients want the same text.
    pub(crate) crowd: bool,
    /// Who has sent its FIN still reads.
    pub(crate) half_close: bool,
    /// Clients ask for several texts at once, too.
    pub(crate) several: bool,
    /// Providers write more than fits between them and a client who does not read.
    pub(crate) lengthy: bool,
    /// A model may be asked of any provider, slow calls are hedged and given up, and each provider has
    /// two keys. All providers write the same.
    pub(crate) routed: bool,
    /// There are limits on what one address may ask for, and clients have several.
    pub(crate) limited: bool,
    /// Clients send some requests with a key, which is the same for equal requests.
    pub(crate) keyed: bool,
    /// Stored answers answer again.
    pub(crate) cached: bool,
}

impl Setting {
    pub(crate) fn new(chance: &mut Rng) -> Setting {
        let lengthy = chance.u8(0..24) == 0;
        let calm = chance.u8(0..6) == 0 || (lengthy && chance.u8(0..4) > 0);
        let crowd = chance.u8(0..10) == 0 && !lengthy;
        Setting {
            calm,
            crowd,
            half_close: chance.bool(),
            several: chance.bool(),
            lengthy,
            routed: chance.u8(0..3) == 0,
            limited: !calm && chance.u8(0..3) == 0,
            keyed: !crowd && chance.u8(0..3) == 0, // so many do not wait for one
            cached: chance.u8(0..4) == 0,
        }
    }

    /// Steps before everything is brought to its end.
    pub(crate) fn steps(self) -> usize {
        // Long texts take long to be looked through.
        if self.lengthy { 400 } else { 1500 }
    }

    /// The limits, if there are any. The table has a place for two of four addresses.
    pub(crate) fn rates(self) -> &'static str {
        if self.limited {
            "[rate]\nrequests = [\"6/s\", \"40/min\"]\ntokens = [\"2500/2s\"]\nconnections = 4\n\
             subjects = 2\n"
        } else {
            ""
        }
    }

    /// How old an answer may be that answers again.
    pub(crate) fn cache(self) -> &'static str {
        if self.cached {
            "[cache]\nmax_age_s = 5\nchats_max_age_s = 5\n"
        } else {
            ""
        }
    }

    /// Clients at a time.
    pub(crate) fn clients(self) -> usize {
        match self {
            Setting { lengthy: true, .. } => 4,
            Setting { crowd: true, .. } => 30,
            _ => 12,
        }
    }
}
