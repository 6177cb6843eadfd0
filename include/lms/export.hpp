#pragma once

/// Marks what the shared library exports; everything else is hidden.
#if defined(__GNUC__)
#define LMS_API __attribute__((visibility("default")))
#else
#define LMS_API
#endif
