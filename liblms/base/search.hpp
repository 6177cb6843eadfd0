#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lms/schema.hpp>
#include <lms/spi/evaluate.hpp>

/// Full text search as every backend does it: records are turned into weighted tokens once, when they are stored; a
/// query is turned into words; each word must be the beginning of some token.
namespace lms {

/// A text as it is compared: without case, accents and compatibility variants (ﬁ, ４).
std::string folded(std::string_view text);

/// The words of a text, in its order, as they are compared.
/// Scripts without spaces are segmented by dictionary. Words longer than 64 bytes are cut.
std::vector<std::string> words(std::string_view text);

/// The distinct words of the schema's searchable fields, in byte order. A word weighs as its field, times its number of
/// occurrences there, of which three count at most; weights from several fields add up.
std::vector<SearchToken> search_tokens(const Schema& schema, const Record& record);

/// How well a record answers: for each word, the weights of the tokens that begin with it, doubled for those that equal
/// it. 0, no match, if there are no words or one of them begins no token.
std::int64_t relevance(std::span<const SearchToken> tokens, std::span<const std::string> query_words);

}  // namespace lms
