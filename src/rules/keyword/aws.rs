//! Keywords that AWS adds or documents for itself: the country of an address, the category of a name.
//!
//! `geoip` is Suricata's as well; AWS takes it with a database of its own. The categories are AWS's alone.

use super::value::is_blank;
use super::{Argument, Effect, Family, Keyword, KeywordDef, Parse, Value};
use crate::rules::near::near_matches;
use crate::source::Diagnostic;
use std::fmt::{self, Display, Formatter};

/// `geoip`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geoip {
    /// Whose country is asked.
    pub end: GeoipEnd,
    /// `!` before any of the countries: none of them.
    pub negated: bool,
    /// Codes as the database has them, in capitals.
    pub countries: Vec<String>,
}

/// Whose country `geoip` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeoipEnd {
    /// The source's.
    Src,
    /// The destination's.
    Dst,
    /// Either one's.
    Any,
    /// Both must be among the countries.
    Both,
}

/// `aws_domain_category`, `aws_url_category`: the name or URL is of one of these categories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCategory {
    /// The whole URL is looked up before the name.
    pub url: bool,
    /// AWS's names.
    pub categories: Vec<String>,
}

/// The categories that AWS documents.
pub const CATEGORIES: [&str; 51] = [
    "Abortion",
    "Adult and Mature Content",
    "Artificial Intelligence and Machine Learning",
    "Arts and Culture",
    "Business and Economy",
    "Career and Job Search",
    "Child Abuse",
    "Command and Control",
    "Criminal and Illegal Activities",
    "Cryptocurrency",
    "Dating",
    "Education",
    "Email",
    "Entertainment",
    "Family and Parenting",
    "Fashion",
    "Financial Services",
    "Food and Dining",
    "For Kids",
    "Gambling",
    "Government and Legal",
    "Hacking",
    "Health",
    "Hobbies and Interest",
    "Home and Garden",
    "Lifestyle",
    "Malicious",
    "Malware",
    "Marijuana",
    "Military",
    "News",
    "Online Ads",
    "Parked Domains",
    "Pets",
    "Phishing",
    "Private IP Address",
    "Proxy Avoidance",
    "Real Estate",
    "Redirect",
    "Religion",
    "Search Engines and Portals",
    "Science",
    "Shopping",
    "Social Networking",
    "Spam",
    "Sports and Recreation",
    "Technology and Internet",
    "Translation",
    "Travel",
    "Vehicles",
    "Violence and Hate Speech",
];

/// ISO 3166-1 alpha-2, and XK.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD \
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF \
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI \
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
VN VU WF WS XK YE YT ZA ZM ZW";

/// Most countries of a `geoip`. Source: Suricata 7.0.10.
const COUNTRIES_MAX: usize = 64;

const fn def(
    name: &'static str,
    effect: Effect,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::Aws,
        argument: Argument::PLAIN,
        parse: Parse::Keyword(parse),
        effect,
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def("geoip", Effect::PacketOnly, geoip, "tests the country of an address, with a database that you supply"),
    def(
        "aws_url_category",
        Effect::Nothing,
        |value| category(value, true),
        "tests AWS's category of the URL, with a table that you supply",
    ),
    def(
        "aws_domain_category",
        Effect::Nothing,
        |value| category(value, false),
        "tests AWS's category of the domain, with a table that you supply",
    ),
];

/// Suricata takes any beginning of a word for the word, and what is none for a country.
fn geoip(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const WORDS: [(&str, GeoipEnd); 4] =
        [("src", GeoipEnd::Src), ("dst", GeoipEnd::Dst), ("both", GeoipEnd::Both), ("any", GeoipEnd::Any)];
    let (end, listed) = match value.text.split_once(',') {
        None => (GeoipEnd::Any, value.text),
        Some((first, rest)) => match WORDS.iter().find(|(word, _)| word.starts_with(first)) {
            Some((_, end)) => (*end, rest),
            None => (GeoipEnd::Any, value.text),
        },
    };
    let mut negated = false;
    let mut countries = Vec::new();
    for entry in listed.split(',') {
        let code = entry.strip_prefix('!').unwrap_or(entry);
        negated |= code.len() < entry.len();
        let capitals = code.to_ascii_uppercase();
        if !COUNTRIES.split(' ').any(|known| known == capitals) {
            value.warn(
                Diagnostic::warning("FD0224", format!("`{code}` is not the code of a country"))
                    .at(value.span_of(code))
                    .help("AWS refuses what is not ISO 3166-1 alpha-2 (`GB`, not `UK`); Suricata compares it as it is"),
            );
        } else if capitals != code {
            value.warn(
                Diagnostic::warning("FD0225", format!("`{code}` is judged as `{capitals}`"))
                    .at(value.span_of(code))
                    .help("AWS takes small letters; Suricata finds no country for them"),
            );
        }
        countries.push(if code.len() > 3 { capitals.chars().take(2).collect() } else { capitals });
    }
    if countries.len() > COUNTRIES_MAX {
        return Err(value.invalid(format!("{} countries, the limit is {COUNTRIES_MAX}", countries.len())));
    }
    Ok(Keyword::Geoip(Box::new(Geoip { end, negated, countries })))
}

fn category(value: &Value<'_>, url: bool) -> Result<Keyword, Diagnostic> {
    let mut categories = Vec::new();
    for name in value.text.split(',').map(|name| name.trim_matches(is_blank)) {
        if !CATEGORIES.contains(&name) {
            let error = value.invalid_at(name, format!("AWS has no category `{name}`"));
            return Err(match near_matches(name, CATEGORIES.into_iter()) {
                Some(near) => error.help(format!("did you mean {near}? capitals matter")),
                None => error.help("for example `Malware` or `Social Networking`; the whole list is in docs/aws.md"),
            });
        }
        categories.push(name.to_owned());
    }
    Ok(Keyword::AwsCategory(Box::new(AwsCategory { url, categories })))
}

impl AwsCategory {
    /// The keyword.
    pub fn name(&self) -> &'static str {
        if self.url { "aws_url_category" } else { "aws_domain_category" }
    }
}

impl Display for Geoip {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let end = match self.end {
            GeoipEnd::Src => "src",
            GeoipEnd::Dst => "dst",
            GeoipEnd::Any => "any",
            GeoipEnd::Both => "both",
        };
        write!(f, "geoip:{end},{}{}", if self.negated { "!" } else { "" }, self.countries.join(","))
    }
}

impl Display for AwsCategory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name(), self.categories.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_value;
    use super::*;

    fn read(text: &str) -> String {
        test_value("geoip", text, |value| geoip(value).unwrap().to_string())
    }

    #[test]
    fn ends_and_countries_are_read_as_suricata_reads_them() {
        assert_eq!(read("US"), "geoip:any,US");
        assert_eq!(read("src,US,CA"), "geoip:src,US,CA");
        assert_eq!(read("d,US"), "geoip:dst,US");
        assert_eq!(read(",US"), "geoip:src,US");
        assert_eq!(read("US,!CA"), "geoip:any,!US,CA");
        assert_eq!(read("both,!us"), "geoip:both,!US");
        assert_eq!(read("dst,CANADA"), "geoip:dst,CA");
        assert_eq!(read("dst"), "geoip:any,DST");
    }

    #[test]
    fn categories_are_those_of_aws() {
        let read = |text| test_value("aws_url_category", text, |value| category(value, true).map(|k| k.to_string()));
        assert_eq!(read("Malware, For Kids").unwrap(), "aws_url_category:Malware,For Kids");
        assert!(read("malware").unwrap_err().help.unwrap().contains("`Malware`"));
    }
}
