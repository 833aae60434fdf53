// From a marked frame to what video sinks take: BT.601 in the limited range with OpenCV's 20-bit coefficients. A 2x2
// block has its upper left pixel's chroma, as OpenCV has it.
#include "common.cuh"

struct Levels {
    int b, g, r;
    __device__ u8 luma() const { return (u8)((102760 * b + 528482 * g + 269484 * r + (1 << 19) + (16 << 20)) >> 20); }
    __device__ u8 u() const { return (u8)((460324 * b - 305135 * g - 155188 * r + (1 << 19) + (128 << 20)) >> 20); }
    __device__ u8 v() const { return (u8)((-74448 * b - 385875 * g + 460324 * r + (1 << 19) + (128 << 20)) >> 20); }
};

// Writes the luma of this thread's 2x2 pixels and gives their chroma's place and pixel; false where there are none.
static __device__ inline bool quad(const u8* picture, int pitch, int width, int height, u8* luma, int luma_pitch,
                                   int& column, int& row, Levels& first) {
    column = column_of_thread();
    row = row_of_thread();
    if (2 * column >= width || 2 * row >= height) return false;
    for (int down = 1; down >= 0; --down)
        for (int right = 1; right >= 0; --right) {
            int x = clamped(2 * column + right, 0, width - 1), y = clamped(2 * row + down, 0, height - 1);
            const u8* pixel = row_of(picture, y, pitch) + 3 * x;
            first = Levels{pixel[0], pixel[1], pixel[2]};
            row_of(luma, 2 * row + down, luma_pitch)[2 * column + right] = first.luma();
        }
    return true;
}

extern "C" __global__ void bgr_to_nv12(const u8* __restrict__ picture, int pitch, int width, int height,
                                       u8* __restrict__ luma, int luma_pitch, u8* __restrict__ chroma,
                                       int chroma_pitch) {
    int column, row;
    Levels first;
    if (!quad(picture, pitch, width, height, luma, luma_pitch, column, row, first)) return;
    u8* uv = row_of(chroma, row, chroma_pitch) + 2 * column;
    uv[0] = first.u();
    uv[1] = first.v();
}

extern "C" __global__ void bgr_to_i420(const u8* __restrict__ picture, int pitch, int width, int height,
                                       u8* __restrict__ luma, int luma_pitch, u8* __restrict__ chroma_u,
                                       u8* __restrict__ chroma_v, int chroma_pitch) {
    int column, row;
    Levels first;
    if (!quad(picture, pitch, width, height, luma, luma_pitch, column, row, first)) return;
    row_of(chroma_u, row, chroma_pitch)[column] = first.u();
    row_of(chroma_v, row, chroma_pitch)[column] = first.v();
}
