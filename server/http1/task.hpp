#pragma once

#include <memory>
#include <utility>

namespace lms::http1 {

/// A function to call once. Unlike std::function it takes what can only be moved.
class Task {
 public:
  template <class Function>
  explicit Task(Function function) : body_(std::make_unique<Model<Function>>(std::move(function))) {}

  void operator()() { body_->call(); }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual void call() = 0;
  };
  template <class Function>
  struct Model final : Concept {
    explicit Model(Function f) : function(std::move(f)) {}
    void call() override { function(); }
    Function function;
  };

  std::unique_ptr<Concept> body_;
};

}  // namespace lms::http1
