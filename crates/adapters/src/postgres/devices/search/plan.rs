//! Choice of the way in which a search reads the search documents.
//!
//! PostgreSQL's planner cannot choose: it estimates a workspace by the average of all workspaces,
//! and does not know that matches of a frequent word are found by reading the newest documents.
//!
//! [`choose`] compares the costs of three ways, and of the index for each condition that it
//! supports. Each cost is a number of documents, postings or devices, which [`Estimate`] derives
//! from samples, times its [`cost`] in microseconds. An estimate can be wrong, so a plan for a part
//! of the range is followed by the [plan for the whole range](Plan::for_whole_range) if it found
//! too little.

use super::range::{Order, Range};
use super::sample::{Counts, Spot};

/// Way in which the documents of a range are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// Reads this number of documents in the order of their ids, and compares each. `None` reads
    /// all of the range.
    Scan(Option<u64>),
    /// Finds candidates in the index, and compares these.
    Index {
        candidates: Candidates,
        /// Part of the range that probably contains enough matches.
        range: Range,
    },
    /// Reads the devices that the filter selects in the order of their ids, and compares their
    /// documents.
    Devices,
}

/// A condition that an index supports, and that all matches meet.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Candidates {
    /// All of these words match, given by their positions.
    Words(Vec<usize>),
    /// The filter selects the assignee.
    Assignee,
    /// The filter selects archived devices.
    Archived,
    /// The document contains the words of the values that the filter selects, such as a type.
    Values(String),
}

impl Plan {
    /// Returns the same plan for the whole range, or `None` if this one reads all of it.
    pub(super) fn for_whole_range(&self, range: Range) -> Option<Self> {
        match self {
            Self::Scan(Some(_)) => Some(Self::Scan(None)),
            Self::Index {
                candidates,
                range: part,
            } if *part != range => Some(Self::Index {
                candidates: candidates.clone(),
                range,
            }),
            Self::Scan(None) | Self::Index { .. } | Self::Devices => None,
        }
    }
}

/// Properties of a search and its filter that restrict the choice.
#[derive(Debug)]
pub(super) struct Properties {
    pub(super) words: Vec<WordProperties>,
    /// Conditions of the filter that an index of the documents supports.
    pub(super) filters: Vec<Candidates>,
    /// `true` if the filter reads the devices.
    pub(super) needs_devices: bool,
    /// `true` if an index of the devices supports the filter.
    pub(super) has_device_index: bool,
}

/// Properties of a word.
#[derive(Debug)]
pub(super) struct WordProperties {
    /// `true` if the index finds the candidates of the word. It does not if the word matches too
    /// many assignees.
    pub(super) is_indexed: bool,
    /// `true` if very many lexemes begin with one of the word's.
    pub(super) has_short_lexeme: bool,
}

/// Microseconds that PostgreSQL takes, measured in a workspace with a million documents.
mod cost {
    /// Reading and comparing a document in the order of the ids.
    pub(super) const SCAN: f64 = 0.35;
    /// Reading and comparing a document that the index found: nearly each is on a page of its own.
    pub(super) const CANDIDATE: f64 = 1.0;
    /// Reading one posting of the index.
    pub(super) const POSTING: f64 = 0.06;
    /// Reading one posting of many short lists, in no order.
    pub(super) const SCATTERED_POSTING: f64 = 0.5;
    /// Restricting the postings to a range of ids, per document of the range.
    pub(super) const RANGE: f64 = 0.03;
    /// Probing the primary key of the devices, or that of the documents for a device.
    pub(super) const PROBE: f64 = 2.0;
    /// Reading a device in the order of the ids.
    pub(super) const DEVICE: f64 = 0.3;
}

/// Identifiers that contain a term more often than this are not looked up: trigrams such as those
/// of `SN-` occur in every serial number.
const MAX_IDENTIFIER_FREQUENCY: f64 = 0.005;

/// Factor by which samples may overestimate the number of matches.
const SAFETY: f64 = 1.5;

/// Like [`SAFETY`], for a part of the range that is read through the index. Larger, because a part
/// that is too small is read in vain: the postings are read again for the whole range.
const PART_SAFETY: f64 = 2.0;

/// Returns the number of documents to read from the start of the range, if they are few because
/// matches are frequent there. No other plan is then considered.
pub(super) fn scan_of_head(head: &Counts, wanted: u64) -> Option<u64> {
    const MAX_DOCUMENTS: f64 = 60_000.0;
    // Fewer matches say little about their frequency.
    const MIN_MATCHES: i64 = 10;
    let documents = SAFETY * wanted as f64 / head.frequency(head.matches);
    (head.matches >= MIN_MATCHES && documents <= MAX_DOCUMENTS).then_some(documents as u64)
}

/// Chooses the cheapest way to find the first `wanted` matches of a range.
pub(super) fn choose(
    properties: &Properties,
    head: &Counts,
    spots: &[Spot],
    range: Range,
    wanted: u64,
) -> Plan {
    let estimate = Estimate::new(head, spots);
    // If the samples have too few matches, all documents must be read: samples can be wrong.
    let until_enough = estimate.documents_with_matches(SAFETY * wanted as f64);
    let scanned = until_enough.unwrap_or(estimate.documents);
    let probe = if properties.needs_devices {
        cost::PROBE
    } else {
        0.0
    };
    let scan = Plan::Scan(until_enough.map(|documents| documents.ceil() as u64));
    let all_words: f64 = estimate.words.iter().product();
    let mut best = (scan, scanned * (cost::SCAN + all_words * probe));
    let mut consider = |plan, cost| {
        if cost < best.1 {
            best = (plan, cost);
        }
    };
    if properties.needs_devices {
        let reading = if properties.has_device_index {
            0.0
        } else {
            scanned * cost::DEVICE
        };
        let cost = reading + scanned * estimate.selected * (cost::PROBE + cost::CANDIDATE);
        consider(Plan::Devices, cost);
    }
    for lookup in estimate.index_lookups(properties) {
        let (range, in_range) = estimate.sufficient_range(range, lookup.frequency, wanted);
        let restricting = if in_range < estimate.documents {
            in_range * cost::RANGE
        } else {
            0.0
        };
        let comparing = lookup.frequency * in_range * (cost::CANDIDATE + probe);
        let candidates = lookup.candidates;
        let plan = Plan::Index { candidates, range };
        consider(plan, lookup.postings_cost + restricting + comparing);
    }
    best.0
}

/// A look-up of candidates in the index.
struct IndexLookup {
    candidates: Candidates,
    /// Part of the documents that are candidates.
    frequency: f64,
    /// Cost of reading the postings.
    postings_cost: f64,
}

/// Estimates for a range, from samples.
struct Estimate<'a> {
    spots: &'a [Spot],
    head: &'a Counts,
    /// Number of documents.
    documents: f64,
    /// Part of the documents that match each word.
    words: Vec<f64>,
    /// Part of the documents whose identifiers contain the term of each word.
    identifiers: Vec<f64>,
    /// Part of the documents that match the filters.
    selected: f64,
}

impl<'a> Estimate<'a> {
    fn new(head: &'a Counts, spots: &'a [Spot]) -> Self {
        let documents: f64 = spots.iter().map(|spot| spot.represents).sum();
        // Spots count as much as the documents that they represent.
        let frequency = |count: &dyn Fn(&Counts) -> i64| {
            let matches: f64 = spots
                .iter()
                .map(|spot| spot.counts.frequency(count(&spot.counts)) * spot.represents)
                .sum();
            // Half a match, so that a frequency is never zero.
            let sampled: i64 = spots.iter().map(|spot| spot.counts.documents).sum();
            (matches / documents.max(1.0)).max(0.5 / sampled.max(1) as f64)
        };
        let words = 0..head.words.len();
        Self {
            words: words
                .clone()
                .map(|word| frequency(&|counts| counts.words[word]))
                .collect(),
            identifiers: words
                .map(|word| frequency(&|counts| counts.identifiers[word]))
                .collect(),
            selected: frequency(&|counts| counts.selected),
            spots,
            head,
            documents,
        }
    }

    /// Returns how many documents of the range, in its order, have this number of matches.
    /// Returns `None` if all have fewer.
    fn documents_with_matches(&self, wanted: f64) -> Option<f64> {
        let (mut documents, mut matches) = (0.0, 0.0);
        // The first spot represents the head once more: an error of at most `HEAD_SIZE` documents.
        let head = (self.head, self.head.documents as f64);
        let spots = self.spots.iter();
        let spots = spots.map(|spot| (&spot.counts, spot.represents));
        for (counts, represents) in std::iter::once(head).chain(spots) {
            let density = counts.frequency(counts.matches);
            let found = density * represents;
            if matches + found >= wanted {
                return Some(documents + (wanted - matches) / density);
            }
            documents += represents;
            matches += found;
        }
        None
    }

    /// Returns the look-ups that find all matches: each filter, each word, and all words together.
    fn index_lookups(&self, properties: &Properties) -> Vec<IndexLookup> {
        let usable = |word: &usize| {
            properties.words[*word].is_indexed
                && self.identifiers[*word] <= MAX_IDENTIFIER_FREQUENCY
        };
        let usable: Vec<usize> = (0..self.words.len()).filter(usable).collect();
        let filters = properties.filters.iter();
        let mut lookups: Vec<IndexLookup> = filters
            .map(|filter| IndexLookup {
                candidates: filter.clone(),
                frequency: self.selected,
                postings_cost: self.selected * self.documents * cost::POSTING,
            })
            .collect();
        lookups.extend(
            usable
                .iter()
                .map(|word| self.word_lookup(&[*word], properties)),
        );
        if usable.len() > 1 {
            lookups.push(self.word_lookup(&usable, properties));
        }
        lookups
    }

    /// Returns the look-up of the documents that match all of these words.
    fn word_lookup(&self, words: &[usize], properties: &Properties) -> IndexLookup {
        let postings_cost = |word: &usize| {
            let posting = if properties.words[*word].has_short_lexeme {
                cost::SCATTERED_POSTING
            } else {
                cost::POSTING
            };
            self.words[*word] * self.documents * posting
        };
        IndexLookup {
            candidates: Candidates::Words(words.to_vec()),
            // As if the words were independent.
            frequency: words.iter().map(|word| self.words[*word]).product(),
            postings_cost: words.iter().map(postings_cost).sum(),
        }
    }

    /// Returns the part of the range that probably has enough matches, and its number of documents.
    /// Returns the whole range if restricting the search to a part costs more than it saves.
    fn sufficient_range(&self, range: Range, frequency: f64, wanted: u64) -> (Range, f64) {
        let (mut documents, mut matches) = (0.0, 0.0);
        for spot in self.spots {
            documents += spot.represents;
            matches += spot.counts.frequency(spot.counts.matches) * spot.represents;
            if matches < PART_SAFETY * wanted as f64 {
                continue;
            }
            let saved = (self.documents - documents) * frequency * cost::CANDIDATE;
            if saved < documents * cost::RANGE {
                break;
            }
            let part = match range.order {
                Order::NewestFirst => Range {
                    above: range.above.max(spot.ids.start - 1),
                    ..range
                },
                Order::OldestFirst => Range {
                    below: range.below.min(spot.ids.end),
                    ..range
                },
            };
            return (part, documents);
        }
        (range, self.documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of 1,000 documents of which these match, each by its only word.
    fn counts(matches: i64, identifiers: i64) -> Counts {
        Counts {
            documents: 1_000,
            first_id: 1,
            last_id: 1_000,
            matches,
            selected: 1_000,
            words: vec![matches],
            identifiers: vec![identifiers],
        }
    }

    /// Chooses how to find the first 2,001 matches of a word among 320,000 documents, all of which
    /// contain it as often as the head.
    fn choose_for(head: &Counts) -> Plan {
        let spots = (0..32).rev().map(|number| Spot {
            counts: head.clone(),
            represents: 10_000.0,
            ids: number * 10_000..(number + 1) * 10_000,
        });
        let properties = Properties {
            words: vec![WordProperties {
                is_indexed: true,
                has_short_lexeme: false,
            }],
            filters: Vec::new(),
            needs_devices: false,
            has_device_index: false,
        };
        let range = Range::all(Order::NewestFirst);
        choose(&properties, head, &spots.collect::<Vec<_>>(), range, 2_001)
    }

    #[test]
    fn rare_word_is_looked_up_in_the_index() {
        let plan = choose_for(&counts(1, 0));
        let whole_range = Range::all(Order::NewestFirst);
        let expected = Plan::Index {
            candidates: Candidates::Words(vec![0]),
            range: whole_range,
        };
        assert_eq!(plan, expected);
        assert_eq!(plan.for_whole_range(whole_range), None);
    }

    #[test]
    fn frequent_word_is_found_among_the_newest_documents() {
        let plan = choose_for(&counts(500, 0));
        let Plan::Scan(Some(documents)) = plan else {
            panic!("{plan:?}");
        };
        assert!((6_000..=6_100).contains(&documents), "{documents}");
        let range = Range::all(Order::NewestFirst);
        assert_eq!(plan.for_whole_range(range), Some(Plan::Scan(None)));
        assert_eq!(scan_of_head(&counts(500, 0), 2_001), Some(6_003));
    }

    #[test]
    fn scan_of_all_documents_is_not_repeated() {
        // The word is in too many identifiers for the index, and in too few documents to stop.
        let plan = choose_for(&counts(6, 6));
        assert_eq!(plan, Plan::Scan(None));
        assert_eq!(plan.for_whole_range(Range::all(Order::NewestFirst)), None);
    }
}
