#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "cluster/control_plane.h"
#include "crypto/random.h"
#include "kube/client.h"
#include "kube/config.h"

namespace plimsoll::kube {

// A client of the real API server with the credentials of a kubeconfig file.
struct Connected {
  explicit Connected(const std::string& kubeconfig = cluster::Cluster().kubeconfig()) {
    auto config = LoadKubeconfig(kubeconfig);
    if (!config) {
      ADD_FAILURE() << config.error().message;
      return;
    }
    auto made = transport::MakeTransport(std::move(config->transport));
    if (!made) {
      ADD_FAILURE() << made.error().message;
      return;
    }
    transport = *std::move(made);
    client = std::make_unique<Client>(*transport, clock);
  }

  SystemClock clock;
  crypto::SystemRandom random;
  std::unique_ptr<transport::Transport> transport;
  std::unique_ptr<Client> client;
};

}  // namespace plimsoll::kube
