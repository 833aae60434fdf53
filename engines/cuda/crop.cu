// From a frame to what an engine sees, and from a network's numbers back to levels.
#include "common.cuh"

// Limited range BT.601 with OpenCV's 20-bit coefficients; a pixel takes its 2x2 block's chroma.
struct Nv12Picture {
    const u8 *luma, *chroma;
    int luma_pitch, chroma_pitch, width, height;
    __device__ Bgr at(int x, int y) const {
        const u8* uv = row_of(chroma, y / 2, chroma_pitch) + (x & ~1);
        int l = clamped(row_of(luma, y, luma_pitch)[x] - 16, 0, 255) * 1220542 + (1 << 19);
        int u = uv[0] - 128, v = uv[1] - 128;
        return Bgr{{(float)clamped((l + 2116026 * u) >> 20, 0, 255),
                    (float)clamped((l - 409993 * u - 852492 * v) >> 20, 0, 255),
                    (float)clamped((l + 1673527 * v) >> 20, 0, 255)}};
    }
};

template <class Picture>
static __device__ inline void crop_levels(const Picture& picture, u8* out, int out_pitch, int width, int height, Affine map) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    Bgr seen = sampled(picture, map.x((float)x, (float)y), map.y((float)x, (float)y));
    u8* pixel = row_of(out, y, out_pitch) + 3 * x;
    for (int c = 0; c < 3; ++c) pixel[c] = (u8)seen.v[c];
}

static __device__ inline void put(float* at, float value) { *at = value; }

static __device__ inline void put(unsigned short* at, float value) { *at = half_of_float(value); }

// The crop in whole levels first, so that a network sees the same numbers here as on the CPU.
template <class Picture, class Number>
static __device__ inline void crop_tensor(const Picture& picture, Number* out, int channel_stride, int pixel_stride,
                                          int width, int height, Affine map, float scale, float bias, int rgb) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    Bgr seen = sampled(picture, map.x((float)x, (float)y), map.y((float)x, (float)y));
    long long pixel = ((long long)y * width + x) * pixel_stride;
    for (int c = 0; c < 3; ++c) put(out + (rgb ? 2 - c : c) * (long long)channel_stride + pixel, seen.v[c] * scale + bias);
}

extern "C" __global__ void area_shrink(const u8* __restrict__ source, int pitch, int source_width, int source_height,
                                       u8* __restrict__ out, int out_pitch, int width, int height, int channels) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    Span columns(x, source_width, width), rows(y, source_height, height);
    float sum[3] = {0.0f, 0.0f, 0.0f};
    for (int row = rows.first; row <= rows.last; ++row) {
        const u8* line = row_of(source, row, pitch);
        float down = rows.weight(row);
        for (int column = columns.first; column <= columns.last; ++column) {
            float weight = columns.weight(column) * down;
            for (int c = 0; c < channels; ++c) sum[c] += weight * (float)line[column * channels + c];
        }
    }
    bool of_four = source_width == 2 * width && source_height == 2 * height;
    for (int c = 0; c < channels; ++c)
        row_of(out, y, out_pitch)[x * channels + c] = mean_level(sum[c], columns.length() * rows.length(), of_four);
}

#define BGR_SOURCE const u8 *__restrict__ source, int pitch, int source_width, int source_height
#define NV12_SOURCE                                                                                      \
    const u8 *__restrict__ luma, int luma_pitch, const u8 *__restrict__ chroma, int chroma_pitch,        \
        int source_width, int source_height
#define TENSOR(Number)                                                                                   \
    Number *__restrict__ out, int channel_stride, int pixel_stride, int width, int height
#define MAP float m00, float m01, float m02, float m10, float m11, float m12
#define THE_MAP (Affine{m00, m01, m02, m10, m11, m12})
#define CROPS(name, SOURCE, picture)                                                                     \
    extern "C" __global__ void name##_u8(SOURCE, u8* __restrict__ out, int out_pitch, int width,         \
                                         int height, MAP) {                                              \
        crop_levels(picture, out, out_pitch, width, height, THE_MAP);                                    \
    }                                                                                                    \
    extern "C" __global__ void name##_f32(SOURCE, TENSOR(float), MAP, float scale, float bias, int rgb) {\
        crop_tensor(picture, out, channel_stride, pixel_stride, width, height, THE_MAP, scale, bias, rgb);\
    }                                                                                                    \
    extern "C" __global__ void name##_f16(SOURCE, TENSOR(unsigned short), MAP, float scale, float bias,  \
                                          int rgb) {                                                     \
        crop_tensor(picture, out, channel_stride, pixel_stride, width, height, THE_MAP, scale, bias, rgb);\
    }

CROPS(crop_bgr, BGR_SOURCE, (BgrPicture{source, pitch, source_width, source_height}))
CROPS(crop_nv12, NV12_SOURCE, (Nv12Picture{luma, chroma, luma_pitch, chroma_pitch, source_width, source_height}))

extern "C" __global__ void nv12_to_bgr(NV12_SOURCE, u8* __restrict__ out, int out_pitch) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= source_width || y >= source_height) return;
    Nv12Picture picture{luma, chroma, luma_pitch, chroma_pitch, source_width, source_height};
    Bgr bgr = picture.at(x, y);
    for (int c = 0; c < 3; ++c) row_of(out, y, out_pitch)[3 * x + c] = (u8)bgr.v[c];
}

static __device__ inline float number(float value) { return value; }

static __device__ inline float number(unsigned short bits) { return float_of_half(bits); }

template <class Number>
static __device__ inline void levels(const Number* tensor, int channel_stride, int pixel_stride, int channels, int rgb,
                                     float scale, float bias, u8* out, int out_pitch, int width, int height,
                                     int* not_finite) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    const Number* pixel = tensor + ((long long)y * width + x) * pixel_stride;
    for (int c = 0; c < channels; ++c) {
        float value = number(pixel[(rgb ? channels - 1 - c : c) * (long long)channel_stride]);
        // Of a number that is none, or without end, the difference from itself is not 0.
        if (!(value - value == 0.0f)) *not_finite = 1;
        row_of(out, y, out_pitch)[x * channels + c] = level(value * scale + bias);
    }
}

#define LEVELS(name, Number)                                                                             \
    extern "C" __global__ void name(const Number* __restrict__ tensor, int channel_stride,               \
                                    int pixel_stride, int channels, int rgb, float scale, float bias,    \
                                    u8* __restrict__ out, int out_pitch, int width, int height,          \
                                    int* __restrict__ not_finite) {                                      \
        levels(tensor, channel_stride, pixel_stride, channels, rgb, scale, bias, out, out_pitch, width,  \
               height, not_finite);                                                                      \
    }

LEVELS(levels_f32, float)
LEVELS(levels_f16, unsigned short)
