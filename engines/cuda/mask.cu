// The soft edge of a persona's mask: from its outer border inwards, holes left as they are.
#include "common.cuh"

// Below it a pixel is no mask; `blend._SOLID`.
static const int SOLID = 32;

// Marks the open pixels of a line that are reached from a marked one before them; whether any was new.
static __device__ inline bool swept(const u8* mask, long long mask_step, u8* outside, long long step, int count) {
    bool grown = false, reached = false;
    for (int i = 0; i < count; ++i, mask += mask_step, outside += step) {
        reached = *mask < SOLID && (reached || *outside);
        if (reached && !*outside) {
            *outside = 1;
            grown = true;
        }
    }
    return grown;
}

// Sweeps there and back along columns and rows until nothing changes: as many rounds as the way in has turns.
extern "C" __global__ void mask_outside(const u8* __restrict__ mask, int pitch, u8* __restrict__ outside, int width,
                                        int height) {
    __shared__ int changed;
    int thread = (int)threadIdx.x, threads = (int)blockDim.x;
    for (int i = thread; i < width * height; i += threads) {
        int x = i % width, y = i / width;
        bool edge = x == 0 || y == 0 || x == width - 1 || y == height - 1;
        outside[i] = edge && row_of(mask, y, pitch)[x] < SOLID;
    }
    bool again = true;
    while (again) {
        __syncthreads();
        if (thread == 0) changed = 0;
        __syncthreads();
        bool grown = false;
        for (int x = thread; x < width; x += threads) {
            long long bottom = height - 1;
            grown |= swept(mask + x, pitch, outside + x, width, height);
            grown |= swept(mask + x + bottom * pitch, -pitch, outside + x + bottom * width, -width, height);
        }
        __syncthreads();
        for (int y = thread; y < height; y += threads) {
            const u8* line = row_of(mask, y, pitch);
            u8* marks = row_of(outside, y, width);
            grown |= swept(line, 1, marks, 1, width);
            grown |= swept(line + width - 1, -1, marks + width - 1, -1, width);
        }
        if (grown) changed = 1;
        __syncthreads();
        again = changed != 0;
    }
}

extern "C" __global__ void mask_row_distance(const u8* __restrict__ outside, u8* __restrict__ distance, int width,
                                             int height, int reach) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    const u8* line = row_of(outside, y, width);
    int found = 0;
    while (found <= reach && !(x >= found && line[x - found]) && !(x + found < width && line[x + found])) ++found;
    row_of(distance, y, width)[x] = (u8)found;
}

// Length of the way over `across` columns and `along` rows in OpenCV's 5x5 moves: straight 1, diagonal 1.4, knight's
// 2.1969 (DIST_L2 with DIST_MASK_5; Borgefors, "Distance transformations in digital images", 1986).
static __device__ inline float chamfer(int across, int along) {
    int longer = across > along ? across : along, shorter = across > along ? along : across;
    if (2 * shorter <= longer) return 2.1969f * (float)shorter + (float)(longer - 2 * shorter);
    return 2.1969f * (float)(longer - shorter) + 1.4f * (float)(2 * shorter - longer);
}

// A way grows with its columns, so the nearest outside pixel of each row is enough.
extern "C" __global__ void mask_ramp(const u8* __restrict__ distance, u8* __restrict__ ramp, int width, int height,
                                     int reach, float erode_px, float feather_px) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    float least = (float)reach + 1.0f;
    int top = clamped(y - reach, 0, y), bottom = clamped(y + reach, y, height - 1);
    for (int row = top; row <= bottom; ++row) {
        int across = row_of(distance, row, width)[x];
        float way = chamfer(across, row > y ? row - y : y - row);
        if (across <= reach && way < least) least = way;
    }
    float rise = clamped((least - erode_px) / feather_px, 0.0f, 1.0f);
    row_of(ramp, y, width)[x] = level(rise * rise * (3.0f - 2.0f * rise) * 255.0f);
}

static __device__ inline u8 product(u8 a, u8 b) { return level((float)a * (float)b * (1.0f / 255.0f)); }

extern "C" __global__ void mask_feather(const u8* __restrict__ mask, int pitch, const u8* __restrict__ ramp,
                                        int ramp_width, int ramp_height, u8* __restrict__ out, int out_pitch, int width,
                                        int height) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    Between column(((float)x + 0.5f) * ((float)ramp_width / (float)width) - 0.5f, ramp_width);
    Between row(((float)y + 0.5f) * ((float)ramp_height / (float)height) - 0.5f, ramp_height);
    const u8 *upper = row_of(ramp, row.first, ramp_width), *lower = row_of(ramp, row.second, ramp_width);
    float rise = bilinear(upper[column.first], upper[column.second], lower[column.first], lower[column.second],
                          column.share, row.share);
    row_of(out, y, out_pitch)[x] = product(row_of(mask, y, pitch)[x], level(rise));
}

extern "C" __global__ void mask_multiply(const u8* mask, int pitch, const u8* __restrict__ other, int other_pitch,
                                         int inverted, u8* out, int out_pitch, int width, int height) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    u8 share = row_of(other, y, other_pitch)[x];
    row_of(out, y, out_pitch)[x] = product(row_of(mask, y, pitch)[x], inverted ? (u8)(255 - share) : share);
}
