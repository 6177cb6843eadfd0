#pragma once

#include <string_view>

namespace lms {

/// Whether a password is among the first that anybody would try: a common one, also with digits and signs behind it
/// (`Password1!`), one pattern over and over (`abababab`), or a run along the alphabet, the digits or the keyboard.
bool is_too_common(std::string_view password);

/// Whether a password is somebody's name or address: blind to case, accents, blanks and signs, and to digits behind it.
bool is_made_of(std::string_view password, std::string_view personal);

}  // namespace lms
