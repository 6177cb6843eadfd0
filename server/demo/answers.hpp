#pragma once

#include <vector>

#include <lms/quiz.hpp>

namespace lms::server::demo {

/// Answers of a student who knows the key up to `points` points of it.
std::vector<Answer> answers_worth(const std::vector<Question>& questions, double points);

double total_of(const std::vector<Question>& questions);

}  // namespace lms::server::demo
