// What all kernels share. The sources are plain C++17 without a header of any library, so that nvcc, NVRTC and, with
// tests/cuda/cuda_shim.h before them, g++ take the same text. Ternaries instead of fminf and fmaxf, no contraction to
// fused multiply-add (--fmad=false, -ffp-contract=off): a GPU rounds as the tested CPU build does.
#ifndef MIEN_COMMON_CUH
#define MIEN_COMMON_CUH

typedef unsigned char u8;

struct Affine {
    float m00, m01, m02, m10, m11, m12;
    __device__ float x(float column, float row) const { return m00 * column + m01 * row + m02; }
    __device__ float y(float column, float row) const { return m10 * column + m11 * row + m12; }
};

#ifdef __CUDACC__
// The instructions that cuda_fp16.h wraps: NVRTC would have to be told where that header lies.
static __device__ inline unsigned short half_of_float(float value) {
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

static __device__ inline float float_of_half(unsigned short bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}
#endif

// Three channels of a pixel: blue, green, red.
struct Bgr {
    float v[3];
};

// Not a number comes out as `low`.
static __device__ inline float clamped(float value, float low, float high) {
    return value > low ? (value < high ? value : high) : low;
}

static __device__ inline int clamped(int value, int low, int high) {
    return value < low ? low : (value > high ? high : value);
}

// To the nearest level, halves to even, as OpenCV's saturate_cast.
static __device__ inline u8 level(float value) { return (u8)clamped(rintf(value), 0.0f, 255.0f); }

static __device__ inline int column_of_thread() { return (int)(blockIdx.x * blockDim.x + threadIdx.x); }

static __device__ inline int row_of_thread() { return (int)(blockIdx.y * blockDim.y + threadIdx.y); }

template <class T>
static __device__ inline T* row_of(T* first, int row, int pitch_bytes) {
    return first + (long long)row * pitch_bytes;
}

// The two pixels around a place on an axis of `length` pixels, and the share of the second; beyond the ends the edge's.
struct Between {
    int first, second;
    float share;
    __device__ Between(float place, int length) {
        place = clamped(place, 0.0f, (float)(length - 1));
        first = (int)place;
        second = first + 1 < length ? first + 1 : first;
        share = place - (float)first;
    }
};

static __device__ inline float bilinear(float v00, float v01, float v10, float v11, float right, float down) {
    float upper = v00 + (v01 - v00) * right, lower = v10 + (v11 - v10) * right;
    return upper + (lower - upper) * down;
}

// (height, width, 3) uint8.
struct BgrPicture {
    const u8* data;
    int pitch, width, height;
    __device__ Bgr at(int x, int y) const {
        const u8* pixel = row_of(data, y, pitch) + 3 * x;
        return Bgr{{(float)pixel[0], (float)pixel[1], (float)pixel[2]}};
    }
};

// Bilinear, in whole levels, with the edge's pixels beyond the edge.
template <class Picture>
static __device__ inline Bgr sampled(const Picture& picture, float x, float y) {
    Between column(x, picture.width), row(y, picture.height);
    Bgr p00 = picture.at(column.first, row.first), p01 = picture.at(column.second, row.first);
    Bgr p10 = picture.at(column.first, row.second), p11 = picture.at(column.second, row.second);
    Bgr out;
    for (int c = 0; c < 3; ++c)
        out.v[c] = rintf(bilinear(p00.v[c], p01.v[c], p10.v[c], p11.v[c], column.share, row.share));
    return out;
}

// Where an output pixel's area begins and ends on an axis that shrinks from `source` to `size` pixels, and how much of
// each source pixel lies in it.
struct Span {
    float begin, end;
    int first, last;
    __device__ Span(int at, int source, int size) {
        float scale = (float)source / (float)size;
        begin = (float)at * scale;
        end = at + 1 < size ? (float)(at + 1) * scale : (float)source;
        first = (int)begin;
        last = clamped((int)end, first, source - 1);
    }
    __device__ float weight(int place) const {
        float low = begin > (float)place ? begin : (float)place;
        float high = end < (float)(place + 1) ? end : (float)(place + 1);
        return high > low ? high - low : 0.0f;
    }
    __device__ float length() const { return end - begin; }
};

// A mean of pixels as a level. OpenCV rounds the mean of 2x2 pixels up at a half, every other to even.
static __device__ inline u8 mean_level(float sum, float area, bool of_four) {
    float mean = sum / area;
    return of_four ? (u8)(mean + 0.5f) : level(mean);
}

#endif
