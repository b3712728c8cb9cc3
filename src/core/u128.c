#include "core/u128.h"

static uint64_t read_be64(const uint8_t *bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | bytes[i];
	return v;
}

static void write_be64(uint64_t v, uint8_t *bytes)
{
	for (int i = 7; i >= 0; i--) {
		bytes[i] = (uint8_t)v;
		v >>= 8;
	}
}

struct u128 u128_from_bytes(const uint8_t bytes[16])
{
	return (struct u128){ read_be64(bytes), read_be64(bytes + 8) };
}

void u128_to_bytes(struct u128 v, uint8_t bytes[16])
{
	write_be64(v.hi, bytes);
	write_be64(v.lo, bytes + 8);
}

int u128_compare(struct u128 a, struct u128 b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	if (a.lo != b.lo)
		return a.lo < b.lo ? -1 : 1;
	return 0;
}

struct u128 u128_min(struct u128 a, struct u128 b)
{
	return u128_compare(a, b) <= 0 ? a : b;
}

struct u128 u128_next(struct u128 v)
{
	v.lo++;
	v.hi += v.lo == 0;
	return v;
}

struct u128 u128_previous(struct u128 v)
{
	v.hi -= v.lo == 0;
	v.lo--;
	return v;
}

struct u128 u128_subtract(struct u128 a, struct u128 b)
{
	return (struct u128){ a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo };
}

/* A shift by the whole width is undefined in C, so each half is looked at by itself. */
static uint64_t low_ones64(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

struct u128 u128_low_ones(unsigned bits)
{
	return (struct u128){ bits > 64 ? low_ones64(bits - 64) : 0, low_ones64(bits) };
}

unsigned u128_trailing_zeros(struct u128 v)
{
	if (v.lo != 0)
		return (unsigned)__builtin_ctzll(v.lo);
	if (v.hi != 0)
		return 64 + (unsigned)__builtin_ctzll(v.hi);
	return 128;
}

unsigned u128_width(struct u128 v)
{
	if (v.hi != 0)
		return 128 - (unsigned)__builtin_clzll(v.hi);
	if (v.lo != 0)
		return 64 - (unsigned)__builtin_clzll(v.lo);
	return 0;
}
