//! Search documents in the binary format of `tsvector` (`tsvectorrecv` in PostgreSQL's
//! `tsvector.c`).

use std::io::Write;

use devices_domain::{SearchDocument, Weight, Weights};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, SqlType};

use crate::postgres::query::length_prefix::append_with_length;

/// OID of `tsvector` (`pg_type.dat` of PostgreSQL).
const TSVECTOR_OID: u32 = 3614;

/// SQL type `tsvector`. Has fixed OIDs, so that Diesel does not look them up in `pg_type`.
#[derive(Debug, Clone, Copy, QueryId, SqlType)]
#[diesel(postgres_type(oid = 3614, array_oid = 3643))]
pub struct Tsvector;

/// Search document of one device or user, as a `tsvector`.
#[derive(Debug, PartialEq, Eq, AsExpression)]
#[diesel(sql_type = Tsvector)]
pub(crate) struct EncodedDocument(Vec<u8>);

impl EncodedDocument {
    pub(crate) fn new(document: &SearchDocument) -> Self {
        let mut bytes = Vec::new();
        encode(document, &mut bytes);
        Self(bytes)
    }
}

impl ToSql<Tsvector, Pg> for EncodedDocument {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

/// Search documents of several devices, as the elements of a `tsvector[]`.
#[derive(Debug, Default)]
pub(crate) struct EncodedDocuments {
    /// Length and bytes of each element.
    elements: Vec<u8>,
    /// Size of each element.
    sizes: Vec<usize>,
}

impl EncodedDocuments {
    /// Appends a document.
    pub(crate) fn push(&mut self, document: &SearchDocument) {
        let start = self.elements.len();
        append_with_length(&mut self.elements, |out| encode(document, out));
        self.sizes.push(self.elements.len() - start);
    }

    /// Appends an encoded document.
    pub(crate) fn push_encoded(&mut self, document: &EncodedDocument) {
        let start = self.elements.len();
        append_with_length(&mut self.elements, |out| out.extend(&document.0));
        self.sizes.push(self.elements.len() - start);
    }

    fn sizes(&self) -> impl Iterator<Item = usize> {
        self.sizes.iter().copied()
    }
}

/// The documents of several batches, as one `tsvector[]`.
#[derive(Debug, AsExpression)]
#[diesel(sql_type = Array<Tsvector>)]
pub(crate) struct DocumentArray<'a>(pub(crate) Vec<&'a EncodedDocuments>);

impl DocumentArray<'_> {
    /// Returns the size of each document in bytes.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|documents| documents.sizes())
    }
}

impl ToSql<Array<Tsvector>, Pg> for DocumentArray<'_> {
    /// Writes an array of one dimension, with the lower bound 1 (`array_recv`).
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let count: usize = self.0.iter().map(|documents| documents.sizes.len()).sum();
        let (dimensions, has_null, lower_bound) = (1_u32, 0_u32, 1_u32);
        for number in [
            dimensions,
            has_null,
            TSVECTOR_OID,
            count as u32,
            lower_bound,
        ] {
            out.write_all(&number.to_be_bytes())?;
        }
        for documents in &self.0 {
            out.write_all(&documents.elements)?;
        }
        Ok(IsNull::No)
    }
}

/// Appends a document: the number of its lexemes, then each lexeme with a position for each of its
/// weights. PostgreSQL stores weights only with positions. The positions of a lexeme must rise;
/// otherwise they mean nothing here, since no search is for phrases. `ts_rank` gives a lexeme
/// without positions the weight D: such lexemes, most of a comment, are stored without.
fn encode(document: &SearchDocument, out: &mut Vec<u8>) {
    let lexemes = document.lexemes();
    out.extend((lexemes.len() as u32).to_be_bytes());
    for (lexeme, weights) in lexemes {
        out.extend(lexeme.as_bytes());
        out.push(0);
        let count_at = out.len();
        out.extend([0; 2]);
        let mut count: u16 = 0;
        let is_ranked_lowest = weights == Weights::from(Weight::D);
        for weight in weights.iter().filter(|_| !is_ranked_lowest) {
            count += 1;
            out.extend((weight_bits(weight) | count).to_be_bytes());
        }
        out[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
    }
}

/// Returns the weight in the two highest bits of a position.
fn weight_bits(weight: Weight) -> u16 {
    let weight: u16 = match weight {
        Weight::A => 3,
        Weight::B => 2,
        Weight::C => 1,
        Weight::D => 0,
    };
    weight << 14
}
