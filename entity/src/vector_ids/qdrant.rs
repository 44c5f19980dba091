//! Conversions to and from the point ids of `qdrant-client`.

use qdrant_client::qdrant::{PointId, point_id::PointIdOptions};
use uuid::Uuid;

use super::VectorId;

/// Converts an id into Qdrant's, which are UUIDs and numbers.
impl TryFrom<VectorId> for PointId {
    /// The id, if it is another name.
    type Error = VectorId;

    fn try_from(id: VectorId) -> Result<Self, VectorId> {
        match id {
            VectorId::Uuid(id) => Ok(id.hyphenated().to_string().into()),
            VectorId::Number(id) => Ok(id.into()),
            other => Err(other),
        }
    }
}

/// Converts Qdrant's id. A UUID in any form that Qdrant reads, including `urn:uuid:…`, is the same
/// id.
impl TryFrom<PointId> for VectorId {
    /// The point, if it is not an id that Qdrant could have.
    type Error = PointId;

    fn try_from(point: PointId) -> Result<Self, PointId> {
        match &point.point_id_options {
            Some(PointIdOptions::Num(id)) => Ok(Self::Number(*id)),
            Some(PointIdOptions::Uuid(id)) => Uuid::parse_str(id).map(Self::Uuid).or(Err(point)),
            None => Err(point),
        }
    }
}
