#include "port-set.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <unistd.h>

#include <cerrno>

#include "permit.h"

namespace gate {
namespace {

constexpr char kTable[] = "redbutton_gate";
constexpr char kChain[] = "output";
constexpr char kSet[] = "open";
constexpr uint32_t kTrialMs = 20;

constexpr uint16_t Type(int message) { return static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message); }

void BeginNft(Messages* messages, uint16_t type, uint16_t flags, uint32_t seq, uint8_t family, uint16_t res_id) {
  messages->Begin(type, flags, seq);
  const nfgenmsg header = {family, NFNETLINK_V0, htons(res_id)};
  messages->Put(&header, sizeof header);
}

void BeginBatch(Messages* messages, uint32_t seq) {
  messages->Clear();
  BeginNft(messages, NFNL_MSG_BATCH_BEGIN, 0, seq, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void EndBatch(Messages* messages, uint32_t seq) {
  BeginNft(messages, NFNL_MSG_BATCH_END, 0, seq, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void BeginElements(Messages* messages, int message, uint16_t flags, uint32_t seq) {
  BeginNft(messages, Type(message), flags, seq, NFPROTO_INET, 0);
  messages->Text(NFTA_SET_ELEM_LIST_TABLE, kTable);
  messages->Text(NFTA_SET_ELEM_LIST_SET, kSet);
}

/// `ms` 0: without a time.
void PutElements(Messages* messages, uint16_t first, uint16_t count, uint32_t ms) {
  const size_t list = messages->Open(NFTA_SET_ELEM_LIST_ELEMENTS);
  for (uint16_t i = 0; i < count; ++i) {
    const size_t element = messages->Open(NFTA_LIST_ELEM);
    const size_t key = messages->Open(NFTA_SET_ELEM_KEY);
    const uint16_t port = htons(static_cast<uint16_t>(first + i));
    messages->Attribute(NFTA_DATA_VALUE, &port, sizeof port);
    messages->Close(key);
    if (ms != 0) messages->Number64(NFTA_SET_ELEM_TIMEOUT, ms);
    messages->Close(element);
  }
  messages->Close(list);
}

}  // namespace

/// Before Linux 6.12 adding an element that is there leaves its time as it was. So it is added (deleting needs one that is
/// there), deleted and added, in one transaction: no packet ever meets the set without it.
int PortSet::Elements(uint16_t first, uint16_t count, uint32_t ms, bool only) {
  const uint32_t seq = netlink_.NextSeq();
  BeginBatch(&messages_, seq);
  if (only) {
    // Without elements named, all are meant.
    BeginElements(&messages_, NFT_MSG_DELSETELEM, 0, seq);
  } else {
    BeginElements(&messages_, NFT_MSG_NEWSETELEM, NLM_F_CREATE, seq);
    PutElements(&messages_, first, count, ms);
    BeginElements(&messages_, NFT_MSG_DELSETELEM, 0, seq);
    PutElements(&messages_, first, count, 0);
  }
  BeginElements(&messages_, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, seq);
  PutElements(&messages_, first, count, ms);
  EndBatch(&messages_, seq);
  return netlink_.Ask(messages_, seq);
}

int PortSet::Open(uint16_t first, uint32_t ms) { return Elements(first, kBlockPorts, ms, true); }

int PortSet::Shut() {
  const uint32_t seq = netlink_.NextSeq();
  BeginBatch(&messages_, seq);
  BeginElements(&messages_, NFT_MSG_DELSETELEM, NLM_F_ACK, seq);
  EndBatch(&messages_, seq);
  return netlink_.Ask(messages_, seq);
}

int PortSet::Present() {
  const uint32_t seq = netlink_.NextSeq();
  messages_.Clear();
  BeginNft(&messages_, Type(NFT_MSG_GETCHAIN), NLM_F_ACK, seq, NFPROTO_INET, 0);
  messages_.Text(NFTA_CHAIN_TABLE, kTable);
  messages_.Text(NFTA_CHAIN_NAME, kChain);
  return netlink_.Ask(messages_, seq);
}

int PortSet::TimesOut(uint16_t port, bool* times_out) {
  if (const int failure = Elements(port, 1, kTrialMs, false)) return failure;
  // Twice, so that the time is shown to be set again as well.
  if (const int failure = Elements(port, 1, kTrialMs, false)) return failure;
  usleep(3 * kTrialMs * 1000);
  const uint32_t seq = netlink_.NextSeq();
  messages_.Clear();
  BeginElements(&messages_, NFT_MSG_GETSETELEM, NLM_F_ACK, seq);
  PutElements(&messages_, port, 1, 0);
  const int answer = netlink_.Ask(messages_, seq);
  *times_out = answer == ENOENT;
  return answer == ENOENT ? 0 : answer;
}

}  // namespace gate
