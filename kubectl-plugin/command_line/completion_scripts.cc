#include "kubectl-plugin/command_line/completion_scripts.h"

namespace plimsoll::plugin {
namespace {

constexpr std::string_view kBash = R"sh(# bash completion of kubectl-plimsoll
_kubectl_plimsoll() {
  local line directive=""
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :*) directive="$line" ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ "$directive" == ":0" && ${#COMPREPLY[@]} -eq 0 ]]; then
    compopt -o default 2>/dev/null
  fi
}
complete -F _kubectl_plimsoll kubectl-plimsoll
)sh";

constexpr std::string_view kZsh = R"sh(#compdef kubectl-plimsoll
# zsh completion of kubectl-plimsoll
_kubectl_plimsoll() {
  local line directive=""
  local -a candidates
  while IFS= read -r line; do
    case "$line" in
      :*) directive="$line" ;;
      *$'\t'*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
      *) candidates+=("${line//:/\\:}") ;;
    esac
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( ${#candidates} )); then
    _describe 'plimsoll' candidates
  elif [[ "$directive" == ":0" ]]; then
    _files
  fi
}
if [ "$funcstack[1]" = "_kubectl_plimsoll" ]; then
  _kubectl_plimsoll
else
  compdef _kubectl_plimsoll kubectl-plimsoll
fi
)sh";

constexpr std::string_view kFish = R"sh(# fish completion of kubectl-plimsoll
function __kubectl_plimsoll_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null | string match -v -r '^:'
end
complete -c kubectl-plimsoll -f -a '(__kubectl_plimsoll_complete)'
complete -c kubectl-plimsoll -n '__fish_seen_subcommand_from verify what-if eventlog ima endorsement baseline' -F
)sh";

constexpr std::string_view kKubectl = R"sh(#!/bin/sh
# What kubectl runs to complete `kubectl plimsoll`: put it into PATH as kubectl_complete-plimsoll.
exec kubectl-plimsoll __complete "$@"
)sh";

}  // namespace

std::string_view CompletionScript(std::string_view shell) {
  if (shell == "bash") {
    return kBash;
  }
  if (shell == "zsh") {
    return kZsh;
  }
  if (shell == "fish") {
    return kFish;
  }
  return shell == "kubectl" ? kKubectl : std::string_view();
}

}  // namespace plimsoll::plugin
