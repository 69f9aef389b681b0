#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kube/client.h"

namespace plimsoll::kube {

// Whom a token speaks for, in the API server's word (authentication.k8s.io/v1 TokenReview).
struct TokenIdentity {
  bool authenticated = false;  // everything below is empty when this is false
  std::string error;           // why not, for logs; the server's words
  std::string username;        // system:serviceaccount:NAMESPACE:NAME
  std::vector<std::string> groups;
  std::vector<std::string> audiences;  // of those asked for, the ones that the token is for

  // From `extra`; set only for tokens bound to a Pod that is on a Node.
  std::optional<std::string> node_name;
  std::optional<std::string> node_uid;
  std::optional<std::string> pod_name;
  std::optional<std::string> pod_uid;

  // Whether it is authenticated and `audience` stands in the status: an authenticator that knows no
  // audiences leaves them out, and proves nothing.
  bool IsFor(std::string_view audience) const;
};

class TokenReviewer {
 public:
  explicit TokenReviewer(Client& client) : client_(client) {}

  // Asks for the one audience. A refused token is a TokenIdentity that is not authenticated; an
  // Error says that the question could not be answered. The token is opaque here, but must be one
  // line of at most 16 KiB (kMalformed). Thread-safe.
  Result<TokenIdentity> Review(std::string_view token, const std::string& audience,
                               std::stop_token stop = {});

 private:
  Client& client_;
};

}  // namespace plimsoll::kube
