#pragma once

#include "api/condition.h"
#include "api/json_fields.h"
#include "api/node.h"
#include "api/node_attestation.h"
#include "api/tpm_identity.h"
#include "kube/lookup.h"

// The objects that the controller works on, by their own names: what they are is lib/api's.
namespace plimsoll::controller {

namespace json_fields = api::json_fields;

using api::ActivatedKey;
using api::Admission;
using api::Baseline;
using api::BaselinePcr;
using api::BootEpoch;
using api::BootRecord;
using api::Condition;
using api::Conditions;
using api::ConditionsFromJson;
using api::ConditionStatus;
using api::Decision;
using api::DecisionFromText;
using api::Endorsement;
using api::Failure;
using api::Find;
using api::ImaRecord;
using api::Node;
using api::NodeAttestation;
using api::NodeAttestationStatus;
using api::PcrValue;
using api::PolicyResult;
using api::Set;
using api::Taint;
using api::ToJson;
using api::ToString;
using api::TpmClock;
using api::TpmDescription;
using api::TpmIdentity;
using api::TpmIdentityStatus;
using api::Transition;
using api::UnacknowledgedFailure;
using api::Violation;

using kube::Lookup;

}  // namespace plimsoll::controller
