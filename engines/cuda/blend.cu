// What is laid over a frame, in place: each thread reads and writes its own pixel of it.
#include "common.cuh"

// The frame's pixel under region pixel (x, y), or null where that lies outside region or frame.
static __device__ inline u8* pixel_of(u8* picture, int pitch, int frame_width, int frame_height, int left, int top,
                                      int width, int height, int x, int y) {
    bool outside = x >= width || y >= height || left + x < 0 || top + y < 0 || left + x >= frame_width ||
                   top + y >= frame_height;
    return outside ? nullptr : row_of(picture, top + y, pitch) + 3 * (left + x);
}

// Bilinear, in whole levels, 0 beyond the edge.
static __device__ inline int mask_at(const u8* mask, int pitch, int width, int height, float x, float y) {
    if (!(x > -1.0f && y > -1.0f && x < (float)width && y < (float)height)) return 0;
    int column = (int)floorf(x), row = (int)floorf(y);
    float v[2][2];
    for (int down = 0; down < 2; ++down)
        for (int right = 0; right < 2; ++right) {
            bool inside = column + right >= 0 && row + down >= 0 && column + right < width && row + down < height;
            v[down][right] = inside ? (float)row_of(mask, row + down, pitch)[column + right] : 0.0f;
        }
    return (int)rintf(bilinear(v[0][0], v[0][1], v[1][0], v[1][1], x - (float)column, y - (float)row));
}

// In fixed point, as `blend.paste`.
static __device__ inline u8 mixed(int upper, int below, int mask) {
    int share = mask + (mask >> 7);
    return (u8)((upper * share + below * (256 - share) + 128) >> 8);
}

static __device__ inline Bgr coloured(Bgr bgr, const float* map) {
    Bgr out;
    for (int c = 0; c < 3; ++c)
        out.v[c] = level(map[4 * c] * bgr.v[0] + map[4 * c + 1] * bgr.v[1] + map[4 * c + 2] * bgr.v[2] + map[4 * c + 3]);
    return out;
}

extern "C" __global__ void paste(u8* __restrict__ picture, int pitch, int frame_width, int frame_height, int x, int y,
                                 int width, int height, const u8* __restrict__ patch, int patch_pitch,
                                 const u8* __restrict__ mask, int mask_pitch, const u8* __restrict__ lit, int lit_pitch,
                                 int patch_width, int patch_height, float m00, float m01, float m02, float m10,
                                 float m11, float m12, const float* __restrict__ colour) {
    int column = column_of_thread(), row = row_of_thread();
    u8* pixel = pixel_of(picture, pitch, frame_width, frame_height, x, y, width, height, column, row);
    if (pixel == nullptr) return;
    Affine map{m00, m01, m02, m10, m11, m12};
    float at_x = map.x((float)column, (float)row), at_y = map.y((float)column, (float)row);
    int shown = mask_at(mask, mask_pitch, patch_width, patch_height, at_x, at_y);
    if (shown == 0) return;
    Bgr plain = sampled(BgrPicture{patch, patch_pitch, patch_width, patch_height}, at_x, at_y);
    bool holds = colour != nullptr && colour[12] != 0.0f;
    Bgr upper = holds ? coloured(plain, colour) : plain;
    for (int c = 0; c < 3; ++c) pixel[c] = mixed((int)upper.v[c], pixel[c], shown);
    if (!holds || lit == nullptr) return;
    // What has the driver's light already is laid again, as it is.
    int again = mask_at(lit, lit_pitch, patch_width, patch_height, at_x, at_y);
    for (int c = 0; c < 3; ++c) pixel[c] = mixed((int)plain.v[c], pixel[c], again);
}

// How the mean of a blur falls on two neighbouring cells of a mosaic: no blur here is as long as a cell.
struct Cells {
    int first, second;
    float share;
    __device__ Cells(int at, int size, int count, int blur_px) {
        int reach = blur_px / 2, in_first = 0;
        first = count - 1;
        for (int place = at - reach; place <= at + reach; ++place) {
            int cell = cell_of(place, size, count);
            if (cell < first) first = cell;
        }
        for (int place = at - reach; place <= at + reach; ++place) in_first += cell_of(place, size, count) == first;
        second = first + 1 < count ? first + 1 : first;
        share = 1.0f - (float)in_first / (float)(2 * reach + 1);
    }
    // OpenCV mirrors the picture beyond its ends: what is mirrored lies in the cell at the end, too.
    static __device__ int cell_of(int place, int size, int count) {
        return clamped(place, 0, size - 1) * count / size;
    }
};

extern "C" __global__ void cover(u8* __restrict__ picture, int pitch, int frame_width, int frame_height, int x, int y,
                                 int width, int height, const u8* __restrict__ mosaic, int columns, int rows,
                                 int blur_px, float centre_x, float centre_y, float half_x, float half_y,
                                 float feather) {
    int column = column_of_thread(), row = row_of_thread();
    u8* pixel = pixel_of(picture, pitch, frame_width, frame_height, x, y, width, height, column, row);
    if (pixel == nullptr) return;
    float across = ((float)column - centre_x) / half_x, along = ((float)row - centre_y) / half_y;
    float share = clamped((1.0f + feather - sqrtf(across * across + along * along)) / feather, 0.0f, 1.0f);
    Cells right(column, width, columns, blur_px), down(row, height, rows, blur_px);
    const u8 *upper = row_of(mosaic, down.first, 3 * columns), *lower = row_of(mosaic, down.second, 3 * columns);
    for (int c = 0; c < 3; ++c) {
        float block = rintf(bilinear(upper[3 * right.first + c], upper[3 * right.second + c],
                                     lower[3 * right.first + c], lower[3 * right.second + c], right.share, down.share));
        // OpenCV's blendLinear adds 1e-5 to the sum of the shares.
        pixel[c] = level((block * share + (float)pixel[c] * (1.0f - share)) / (1.0f + 1e-5f));
    }
}

extern "C" __global__ void sprite(u8* __restrict__ picture, int pitch, int frame_width, int frame_height, int x, int y,
                                  int width, int height, const unsigned short* __restrict__ colour,
                                  const unsigned short* __restrict__ keep) {
    int column = column_of_thread(), row = row_of_thread();
    u8* pixel = pixel_of(picture, pitch, frame_width, frame_height, x, y, width, height, column, row);
    if (pixel == nullptr) return;
    long long at = 3 * ((long long)row * width + column);
    for (int c = 0; c < 3; ++c) pixel[c] = (u8)(colour[at + c] + (pixel[c] * keep[at + c] >> 8));
}

extern "C" __global__ void fade(u8* __restrict__ picture, int pitch, const u8* __restrict__ other, int other_pitch,
                                int width, int height, float share) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    u8* pixel = row_of(picture, y, pitch) + 3 * x;
    const u8* above = row_of(other, y, other_pitch) + 3 * x;
    for (int c = 0; c < 3; ++c) pixel[c] = level((float)pixel[c] * share + (float)above[c] * (1.0f - share));
}

extern "C" __global__ void watermark(u8* __restrict__ picture, int pitch, const signed char* __restrict__ pattern,
                                     int width, int height) {
    int x = column_of_thread(), y = row_of_thread();
    if (x >= width || y >= height) return;
    u8* pixel = row_of(picture, y, pitch) + 3 * x;
    int step = pattern[(long long)y * width + x];
    for (int c = 0; c < 3; ++c) pixel[c] = (u8)clamped(pixel[c] + step, 0, 255);
}
