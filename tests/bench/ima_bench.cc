#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "ima/judgement.h"
#include "ima/replay.h"
#include "unit/ima/list_builder.h"

// A node's measurement list of 5,000 entries against an allow-list of 100,000 files, and beside it
// the SHA-256 chain that no replay can do without.
namespace plimsoll::ima {
namespace {

constexpr int kListed = 100'000;
constexpr int kMeasured = 5'000;

std::string PathOf(int i) {
  switch (i % 4) {
    case 0:
      return fmt::format("/usr/lib/x86_64-linux-gnu/libpackage-{}.so.{}.{}", i, i % 7, i % 31);
    case 1:
      return fmt::format("/usr/bin/program-{}", i);
    case 2:
      return fmt::format("/usr/share/package-{}/templates/part-{}/file-{}.conf", i / 80, i % 9, i);
    default:
      return fmt::format("/usr/lib/modules/6.1.0-31-amd64/kernel/drivers/group-{}/driver-{}.ko",
                         i / 200, i);
  }
}

std::string AllowListText() {
  std::string text;
  for (int i = 0; i < kListed; ++i) {
    text += fmt::format("{}  {}\n", ToHex(Sha256(std::to_string(i))), PathOf(i));
  }
  return text;
}

std::shared_ptr<const AllowList> SharedAllowList() {
  static const auto list =
      std::make_shared<const AllowList>(std::move(*AllowList::Parse(AllowListText())));
  return list;
}

const Bytes kPcr = Sha256("a PCR");

std::vector<Made> Measurements() {
  Bytes pcrs;
  for (int i = 0; i < 10; ++i) {
    Append(pcrs, kPcr);
  }
  std::vector<Made> made = {
      MakeEntry("ima-ng", {DigestField("sha256", crypto::Digest(AlgorithmId::kSha256, {pcrs})),
                           NameField("boot_aggregate")})};
  for (int i = 1; i < kMeasured; ++i) {
    made.push_back(File(PathOf(i * 19), std::to_string(i * 19)));
  }
  return made;
}

void ParseList(benchmark::State& state) {
  const Bytes bytes = Listed(Measurements());
  for (auto _ : state) {
    const auto list = List::FromBinary(bytes);
    if (!list) {
      std::abort();
    }
    benchmark::DoNotOptimize(list->size());
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes.size()) * state.iterations());
}

void Replay(benchmark::State& state) {
  const std::vector<Made> made = Measurements();
  const Bytes bytes = Listed(made);
  const auto list = List::FromBinary(bytes);
  const Bytes quoted = PcrAfter(made);
  for (auto _ : state) {
    RunningDigest digest(AlgorithmId::kSha256);
    if (digest.AdvanceTo(*list, quoted)->reach != Reach::kReached) {
      std::abort();
    }
  }
}

// Everything that a round costs: parse, replay, judge.
void Round(benchmark::State& state) {
  const std::vector<Made> made = Measurements();
  const Bytes bytes = Listed(made);
  const Bytes quoted = PcrAfter(made);
  Rules rules;
  rules.allow_lists.push_back(SharedAllowList());
  const QuotedPcr pcrs = [](AlgorithmId, uint32_t) { return std::optional<ByteSpan>(kPcr); };
  for (auto _ : state) {
    const auto list = List::FromBinary(bytes);
    RunningDigest digest(AlgorithmId::kSha256);
    const auto advance = digest.AdvanceTo(*list, quoted);
    Generation generation;
    if (!Appraise(*list, advance->consumed, 0, rules, pcrs, generation).accepted) {
      std::abort();
    }
  }
  state.counters["entries/s"] =
      benchmark::Counter(kMeasured, benchmark::Counter::kIsIterationInvariantRate);
}

void LookUp(benchmark::State& state) {
  const std::shared_ptr<const AllowList> list = SharedAllowList();
  std::vector<std::pair<Bytes, std::string>> wanted;
  for (int i = 0; i < kMeasured; ++i) {
    wanted.emplace_back(Sha256(std::to_string(i * 19)), PathOf(i * 19));
  }
  for (auto _ : state) {
    for (const auto& [digest, path] : wanted) {
      if (!list->Contains(Subject::kFile, AlgorithmId::kSha256, digest, path)) {
        std::abort();
      }
    }
  }
  state.SetItemsProcessed(kMeasured * state.iterations());
}

void BuildAllowList(benchmark::State& state) {
  const std::string text = AllowListText();
  for (auto _ : state) {
    const auto list = AllowList::Parse(text);
    if (!list) {
      std::abort();
    }
    state.counters["bytes/entry"] = static_cast<double>(list->memory_bytes()) / kListed;
    state.counters["text/entry"] = static_cast<double>(text.size()) / kListed;
  }
}

// OpenSSL alone: H(data) and H(PCR || H(data)) for each entry, and the SHA-1 of the data that the
// list carries.
void BareChain(benchmark::State& state) {
  const std::vector<Made> made = Measurements();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const auto hash = [&](const EVP_MD* md, ByteSpan a, ByteSpan b, uint8_t* out) {
    EVP_DigestInit_ex(context.get(), md, nullptr);
    EVP_DigestUpdate(context.get(), a.data(), a.size());
    EVP_DigestUpdate(context.get(), b.data(), b.size());
    EVP_DigestFinal_ex(context.get(), out, nullptr);
  };
  using Md = std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)>;
  const Md sha1_md(EVP_MD_fetch(nullptr, "SHA1", nullptr), &EVP_MD_free);
  const Md sha256_md(EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free);
  const bool sha1_too = state.range(0) == 1;
  for (auto _ : state) {
    std::array<uint8_t, 32> pcr{};
    std::array<uint8_t, 32> data{};
    std::array<uint8_t, 20> sha1{};
    for (const Made& entry : made) {
      if (sha1_too) {
        hash(sha1_md.get(), entry.hashed, {}, sha1.data());
      }
      hash(sha256_md.get(), entry.hashed, {}, data.data());
      hash(sha256_md.get(), pcr, data, pcr.data());
    }
    benchmark::DoNotOptimize(pcr);
    benchmark::DoNotOptimize(sha1);
  }
}

BENCHMARK(ParseList)->Name("Ima/Parse/5000")->Unit(benchmark::kMillisecond);
BENCHMARK(Replay)->Name("Ima/Replay/5000")->Unit(benchmark::kMillisecond);
BENCHMARK(Round)->Name("Ima/Round/5000")->Unit(benchmark::kMillisecond);
BENCHMARK(LookUp)->Name("Ima/LookUp/5000of100000")->Unit(benchmark::kMillisecond);
BENCHMARK(BuildAllowList)->Name("Ima/BuildAllowList/100000")->Unit(benchmark::kMillisecond);
BENCHMARK(BareChain)
    ->Name("Ima/BareChain/5000/withSha1")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace plimsoll::ima
