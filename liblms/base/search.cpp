#include "base/search.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "base/utf8.hpp"

namespace lms {

namespace {

constexpr std::size_t longest_word = 64;  // bytes
constexpr int most_occurrences = 3;

void require(UErrorCode status, const char* what) {
  if (U_FAILURE(status)) throw internal(std::string("ICU has no ") + what + ": " + u_errorName(status));
}

const icu::Normalizer2& normalizer(const icu::Normalizer2* (*get)(UErrorCode&)) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = get(status);
  require(status, "normalization data");
  return *found;
}

/// Accents and the vowel points of Hebrew and Arabic, by canonical combining class. The marks of other scripts (a
/// virama, a Thai vowel, the voicing of a kana) make another letter and stay.
bool is_accent(UChar32 c) {
  const auto combining = u_getCombiningClass(c);
  return combining == 1 || (combining >= 10 && combining <= 36) || combining >= 200;
}

icu::UnicodeString fold(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const auto size = static_cast<std::int32_t>(std::min<std::size_t>(text.size(), INT32_MAX));
  const icu::UnicodeString decomposed =
      normalizer(icu::Normalizer2::getNFKDInstance)
          .normalize(icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), size)), status);
  icu::UnicodeString bare;
  for (std::int32_t i = 0; i < decomposed.length(); i = decomposed.moveIndex32(i, 1))
    if (const UChar32 c = decomposed.char32At(i); !is_accent(c)) bare.append(c);
  bare.foldCase();
  icu::UnicodeString result = normalizer(icu::Normalizer2::getNFCInstance).normalize(bare, status);
  require(status, "normalization data");
  return result;
}

std::unique_ptr<icu::BreakIterator> make_word_boundaries() {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::BreakIterator> made(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status));
  require(status, "word boundaries");
  return made;
}

bool is_mark(UChar32 c) {
  return (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
}

void append_word(std::vector<std::string>& words, icu::UnicodeString& letters) {
  if (letters.isEmpty()) return;
  std::string word;
  letters.toUTF8String(word);
  letters.remove();
  words.emplace_back(cut_utf8(word, longest_word));
}

}  // namespace

std::string folded(std::string_view text) {
  std::string result;
  return fold(text).toUTF8String(result);
}

std::vector<std::string> words(std::string_view text) {
  const icu::UnicodeString folded_text = fold(text);
  // Costly to make and not thread-safe, hence one for each thread.
  thread_local const std::unique_ptr<icu::BreakIterator> boundaries = make_word_boundaries();
  boundaries->setText(folded_text);
  std::vector<std::string> found;
  icu::UnicodeString letters;
  std::int32_t begin = boundaries->first();
  for (std::int32_t end = boundaries->next(); end != icu::BreakIterator::DONE; begin = end, end = boundaries->next()) {
    // Unicode keeps l'eau and node.js as one word; whoever seeks "eau" or "js" means a part.
    for (std::int32_t i = begin; i < end; i = folded_text.moveIndex32(i, 1)) {
      const UChar32 c = folded_text.char32At(i);
      if (u_isalnum(c) || (is_mark(c) && !letters.isEmpty()))
        letters.append(c);
      else
        append_word(found, letters);
    }
    append_word(found, letters);
  }
  return found;
}

std::vector<SearchToken> search_tokens(const Schema& schema, const Record& record) {
  std::map<std::string, int> weights;
  for (std::size_t i = 0; i < schema.fields().size(); ++i) {
    const Field& field = schema.fields()[i];
    if (field.search_weight <= 0 || record[i].is_null()) continue;
    std::map<std::string, int> occurrences;
    const auto count_words = [&](const Value& value) {
      for (std::string& word : words(value.as_string())) ++occurrences[std::move(word)];
    };
    if (field.type == FieldType::list)
      for (const Value& element : record[i].as_array()) count_words(element);
    else
      count_words(record[i]);
    for (const auto& [word, times] : occurrences)
      weights[word] += field.search_weight * std::min(times, most_occurrences);
  }
  std::vector<SearchToken> tokens;
  tokens.reserve(weights.size());
  for (const auto& [word, weight] : weights) tokens.push_back({word, weight});
  return tokens;
}

std::int64_t relevance(std::span<const SearchToken> tokens, std::span<const std::string> query_words) {
  std::int64_t score = 0;
  for (const std::string& word : query_words) {
    std::int64_t found = 0;
    for (const SearchToken& token : tokens)
      if (token.token.starts_with(word)) found += std::int64_t{token.weight} * (token.token == word ? 2 : 1);
    if (found == 0) return 0;
    score += found;
  }
  return score;
}

}  // namespace lms
