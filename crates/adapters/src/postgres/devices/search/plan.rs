//! Choice of the way in which a search reads the search documents.
//!
//! PostgreSQL's planner cannot choose: it estimates a workspace by the average of all workspaces,
//! and does not know that matches of a frequent word are found by reading the newest documents.

use super::range::{Order, Range};
use super::sample::{Counts, Spot};

/// Way in which the documents of a range are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// Reads this number of documents in the order of their ids, and compares each.
    Scan(u64),
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

/// Properties of a search and its filter that restrict the choice.
#[derive(Debug)]
pub(super) struct Choices {
    pub(super) words: Vec<WordChoice>,
    /// Conditions of the filter that an index of the documents supports.
    pub(super) filters: Vec<Candidates>,
    /// Whether the filter reads the devices.
    pub(super) needs_devices: bool,
    /// Whether an index of the devices supports the filter.
    pub(super) has_device_index: bool,
}

/// Properties of a word.
#[derive(Debug)]
pub(super) struct WordChoice {
    /// Whether the index finds the candidates of the word. It does not if the word matches too
    /// many assignees.
    pub(super) is_indexed: bool,
    /// Whether very many lexemes begin with the word.
    pub(super) is_short: bool,
}

/// Microseconds that PostgreSQL takes for one document, measured with a million documents.
/// PERFORMANCE.md has the measurements.
mod cost {
    /// To read and compare a document in the order of the ids.
    pub(super) const SCAN: f64 = 0.35;
    /// To read and compare a document that the index found: nearly each is on a page of its own.
    pub(super) const CANDIDATE: f64 = 1.0;
    /// To read one posting of the index.
    pub(super) const POSTING: f64 = 0.06;
    /// To read one posting of many short lists, in no order.
    pub(super) const SCATTERED_POSTING: f64 = 0.5;
    /// To restrict the postings to a range of ids, per document of the range.
    pub(super) const RANGE: f64 = 0.03;
    /// To probe the primary key of the devices, or that of the documents for a device.
    pub(super) const PROBE: f64 = 2.0;
    /// To read a device in the order of the ids.
    pub(super) const DEVICE: f64 = 0.3;
}

/// Identifiers that contain a term more often than this are not looked up: trigrams such as those
/// of `SN-` occur in every serial number.
const MAX_IDENTIFIER_FREQUENCY: f64 = 0.005;

/// Factor by which samples may overestimate the number of matches.
const SAFETY: f64 = 1.5;

/// Returns the number of documents to read from the start of the range, if they are few because
/// matches are frequent there.
pub(super) fn scan_of_head(head: &Counts, wanted: u64) -> Option<u64> {
    const MAX_DOCUMENTS: f64 = 60_000.0;
    let density = head.matches as f64 / head.documents.max(1) as f64;
    let documents = SAFETY * wanted as f64 / density;
    (head.matches >= 10 && documents <= MAX_DOCUMENTS).then_some(documents as u64)
}

/// Chooses the cheapest way to find the first `wanted` matches of a range.
pub(super) fn choose(
    choices: &Choices,
    head: &Counts,
    spots: &[Spot],
    range: Range,
    wanted: u64,
) -> Plan {
    let estimate = Estimate::new(head, spots);
    // If the samples have too few matches, all documents must be read: samples can be wrong.
    let until_enough = estimate.documents_with_matches(SAFETY * wanted as f64);
    let scanned = until_enough.unwrap_or(estimate.documents);
    let probes = if choices.needs_devices {
        cost::PROBE
    } else {
        0.0
    };
    let scan = Plan::Scan(until_enough.map_or(u64::MAX, |documents| documents.ceil() as u64));
    let all_words: f64 = estimate.words.iter().product();
    let mut best = (scan, scanned * (cost::SCAN + all_words * probes));
    let mut consider = |plan, cost| {
        if cost < best.1 {
            best = (plan, cost);
        }
    };
    if choices.needs_devices {
        let reading = if choices.has_device_index {
            0.0
        } else {
            scanned * cost::DEVICE
        };
        let cost = reading + scanned * estimate.selected * (cost::PROBE + cost::CANDIDATE);
        consider(Plan::Devices, cost);
    }
    for (candidates, frequency, postings_cost) in estimate.candidates(choices) {
        let (range, in_range) = estimate.sufficient_range(range, frequency, wanted);
        let restricting = if in_range < estimate.documents {
            in_range * cost::RANGE
        } else {
            0.0
        };
        let cost = postings_cost + restricting + frequency * in_range * (cost::CANDIDATE + probes);
        consider(Plan::Index { candidates, range }, cost);
    }
    best.0
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
                .map(|spot| {
                    let part = count(&spot.counts) as f64 / spot.counts.documents.max(1) as f64;
                    part * spot.represents
                })
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
        for density in self.densities() {
            let found = density.matches * density.represents;
            if matches + found >= wanted {
                return Some(documents + (wanted - matches) / density.matches);
            }
            documents += density.represents;
            matches += found;
        }
        None
    }

    /// Returns the ways to find candidates: the part of the documents that are candidates, and the
    /// cost to read the postings.
    fn candidates(&self, choices: &Choices) -> Vec<(Candidates, f64, f64)> {
        let usable = |word: &usize| {
            choices.words[*word].is_indexed && self.identifiers[*word] <= MAX_IDENTIFIER_FREQUENCY
        };
        let usable: Vec<usize> = (0..self.words.len()).filter(usable).collect();
        let posting = |word: usize| {
            if choices.words[word].is_short {
                cost::SCATTERED_POSTING
            } else {
                cost::POSTING
            }
        };
        let words = |positions: &[usize]| {
            let postings = |word: &usize| self.words[*word] * self.documents * posting(*word);
            let frequency: f64 = positions.iter().map(|word| self.words[*word]).product();
            let cost: f64 = positions.iter().map(postings).sum();
            (Candidates::Words(positions.to_vec()), frequency, cost)
        };
        let mut found: Vec<_> = choices
            .filters
            .iter()
            .map(|filter| {
                let cost = self.selected * self.documents * cost::POSTING;
                (filter.clone(), self.selected, cost)
            })
            .collect();
        found.extend(usable.iter().map(|word| words(&[*word])));
        if usable.len() > 1 {
            found.push(words(&usable));
        }
        found
    }

    /// Returns the part of the range that probably has enough matches, and its number of documents.
    /// Returns the whole range if restricting the search to a part costs more than it saves.
    fn sufficient_range(&self, range: Range, frequency: f64, wanted: u64) -> (Range, f64) {
        let (mut documents, mut matches) = (0.0, 0.0);
        for spot in self.spots {
            documents += spot.represents;
            let part = spot.counts.matches as f64 / spot.counts.documents.max(1) as f64;
            matches += part * spot.represents;
            if matches < 2.0 * wanted as f64 {
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

    /// Returns the density of matches along the range: that of the head, then that of each spot.
    fn densities(&self) -> impl Iterator<Item = Density> {
        let density = |counts: &Counts, represents| Density {
            matches: counts.matches as f64 / counts.documents.max(1) as f64,
            represents,
        };
        let head = density(self.head, self.head.documents as f64);
        let spots = self.spots.iter();
        let spots = spots.map(move |spot| density(&spot.counts, spot.represents));
        std::iter::once(head).chain(spots.collect::<Vec<_>>())
    }
}

/// Part of the range that is represented by a sample.
struct Density {
    /// Part of the documents that match.
    matches: f64,
    /// Number of documents.
    represents: f64,
}
