#pragma once

#include <string_view>

namespace plimsoll::plugin {

// The script for "bash", "zsh", "fish" or "kubectl"; empty for another word. All ask
// `kubectl-plimsoll __complete`.
std::string_view CompletionScript(std::string_view shell);

}  // namespace plimsoll::plugin
