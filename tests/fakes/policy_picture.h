#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/clock.h"
#include "controller/policies/currency.h"
#include "controller/policies/picture.h"
#include "controller/policies/policy_objects.h"
#include "controller/policies/references.h"
#include "controller/policies/texts.h"
#include "fakes/fake_api_server.h"
#include "kube/client.h"

namespace plimsoll::fakes {

// Texts that a test sets; the rest is not there.
class FakeTexts final : public controller::policies::Texts {
 public:
  using Source = controller::policies::TextSource;
  using Text = controller::policies::Text;

  void Put(const Source& source, std::string content) {
    const std::lock_guard lock(mutex_);
    texts_[source] = {
        std::make_shared<const std::string>(std::move(content)), std::to_string(++version_), {}};
  }
  void PutConfigMap(const std::string& name, const std::string& key, std::string content) {
    Put({.kind = Source::Kind::kConfigMap,
         .namespace_name = "plimsoll-system",
         .name = name,
         .key = key},
        std::move(content));
  }

  Text Get(const Source& source) const override {
    const std::lock_guard lock(mutex_);
    const auto found = texts_.find(source);
    return found != texts_.end() ? found->second
                                 : Text{nullptr, "-", ToText(source) + " does not exist"};
  }
  Status Confirm() const override { return {}; }

 private:
  mutable std::mutex mutex_;
  std::map<Source, Text> texts_;
  int version_ = 0;
};

// The picture of all policies of a fake API server, by lookups that are never behind unless a test
// freezes them.
struct PolicyPicture {
  PolicyPicture(FakeApiServer& server, kube::Client& client, const Clock& clock,
                policy::Freshness freshness = {})
      : policies(server, kube::kAttestationPolicy),
        authorities(server, kube::kEndorsementAuthority),
        references(server, kube::kReferenceValues),
        picture({.policies = policies, .references = resolved, .clock = clock}, freshness),
        currency(client, {.policies = policies,
                          .authorities = authorities,
                          .references = references,
                          .texts = texts}) {}

  ApiLookup<controller::policies::PolicyObject> policies;
  ApiLookup<controller::policies::AuthorityObject> authorities;
  ApiLookup<controller::policies::ReferenceObject> references;
  FakeTexts texts;
  controller::policies::References resolved{authorities, references, texts};
  controller::policies::Picture picture;
  controller::policies::Currency currency;
};

}  // namespace plimsoll::fakes
