#pragma once

#include <vector>

#include <lms/quiz.hpp>

/// What each kind of question asks of its author and of its student, and how it is graded. A new kind is one more row
/// of the table in grading.cpp, if what Question and Answer hold is enough for it; see CONTRIBUTING.md.
namespace lms {

/// What does not fit the question in an answer to it, each fault below `at`.
std::vector<Fault> faults_of(const Question& question, const Answer& answer, const Path& at);

/// How right the answer is, from 0 to 1. No answer is 0.
double correctness(const Question& question, const Answer& answer);

/// What would have been right.
AnswerKey key_of(const Question& question);

}  // namespace lms
