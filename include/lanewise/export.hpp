#pragma once

/// Marks what a shared build exports; everything else is hidden. A static build exports nothing.
#if defined(LANEWISE_SHARED)
#define LANEWISE_EXPORT [[gnu::visibility("default")]]
#else
#define LANEWISE_EXPORT
#endif
