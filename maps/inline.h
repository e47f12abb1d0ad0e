/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the headers that also compile natively need from the compiler. */
#pragma once

#define WGS_INLINE static inline __attribute__((always_inline))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WGS_SWAP16(value) __builtin_bswap16(value)
#define WGS_SWAP32(value) __builtin_bswap32(value)
#else
#define WGS_SWAP16(value) (value)
#define WGS_SWAP32(value) (value)
#endif

/* The low 32 bits. */
#ifdef __cplusplus
#define WGS_LOW32(value) static_cast<__u32>(value)
#else
#define WGS_LOW32(value) ((__u32)(value))
#endif
