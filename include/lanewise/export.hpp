#pragma once

/// Marks the symbols that a shared build exports; all others are hidden. A static build exports
/// none.
#if defined(LANEWISE_SHARED)
#define LANEWISE_EXPORT [[gnu::visibility("default")]]
#else
#define LANEWISE_EXPORT
#endif
