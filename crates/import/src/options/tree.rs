//! JSON whose objects keep repeated members.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A JSON value. Other parsers keep the last of two members with the same name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Object(Vec<(String, Tree)>),
    List(Vec<Tree>),
    Scalar(Value),
}

impl Tree {
    /// Returns the value without repeated members.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Object(members) => {
                let members = members.into_iter();
                Value::Object(
                    members
                        .map(|(name, tree)| (name, tree.into_value()))
                        .collect(),
                )
            }
            Self::List(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Scalar(value) => value,
        }
    }

    /// Returns the path of a member that occurs twice in its object.
    pub(super) fn repeated_member(&self) -> Option<Vec<&str>> {
        match self {
            Self::Object(members) => {
                let mut names = std::collections::HashSet::new();
                members.iter().find_map(|(name, tree)| {
                    let path = if names.insert(name) {
                        tree.repeated_member()?
                    } else {
                        Vec::new()
                    };
                    Some(std::iter::once(name.as_str()).chain(path).collect())
                })
            }
            Self::List(items) => items.iter().find_map(Self::repeated_member),
            Self::Scalar(_) => None,
        }
    }

    /// Returns the JSON name of the kind of the value, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::List(_) => "an array",
            Self::Scalar(Value::Null) => "null",
            Self::Scalar(Value::Bool(_)) => "a boolean",
            Self::Scalar(Value::Number(_)) => "a number",
            Self::Scalar(_) => "a string",
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}
