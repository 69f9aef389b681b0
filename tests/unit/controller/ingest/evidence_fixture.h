#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "ingest_world.h"

namespace plimsoll::controller::ingest {

// worker-1 has a TPM whose maker's certificates admit it, and an Enforce policy on PCR 0.
class EvidenceRoute : public ::testing::Test {
 protected:
  EvidenceRoute() {
    world.AddAuthority("vendor", ca);
    world.AddCertificatePolicy("measured", "vendor");
    Certify(agent);
    const auto activated = agent.EnrollAndActivate();
    EXPECT_EQ(activated.status, 200) << activated.body;
  }

  void Certify(TestAgent& of) {
    of.certificate =
        ca.Issue(fakes::CertificateFields::Endorsement(of.ek.key_template().type), of.ek);
  }
  static evidence::EvidenceResponse Verdict(const http::Response& response) {
    auto verdict = evidence::DecodeEvidenceResponse(response.body);
    EXPECT_TRUE(verdict) << response.status << " " << response.body;
    return verdict ? *verdict : evidence::EvidenceResponse{};
  }
  std::string VersionOf(const std::string& node) const {
    const auto attestation = world.attestations.Get(node);
    return attestation ? attestation->meta.resource_version : "";
  }

  IngestWorld world;
  fakes::SoftwareCa ca{fakes::CertificateFields::Ca("TPM maker")};
  TestAgent agent{world};
};

}  // namespace plimsoll::controller::ingest
