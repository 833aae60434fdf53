// Reductions: what one block finds out about many pixels, summed in shared memory.
#include "common.cuh"

// Threads of the largest block below.
static const int MOST_THREADS = 1024;
// `colour._LEAST_SAMPLES`, `colour.GAP_S` and the limits for the change of spread, `colour._SPREAD_LIMITS`.
static const float LEAST_SAMPLES = 48.0f;
static const long long GAP_NS = 1000000000LL;

// The sum of every thread's value, the same for all; the block's size is a power of two.
template <class Number>
static __device__ inline Number block_sum(Number value, Number* room) {
    int thread = (int)threadIdx.x;
    room[thread] = value;
    __syncthreads();
    for (int half = (int)blockDim.x / 2; half > 0; half /= 2) {
        if (thread < half) room[thread] += room[thread + half];
        __syncthreads();
    }
    Number sum = room[0];
    __syncthreads();
    return sum;
}

static __device__ inline Bgr block_sum(Bgr value, float* room) {
    for (int c = 0; c < 3; ++c) value.v[c] = block_sum(value.v[c], room);
    return value;
}

// -- CIE Lab of sRGB under D65 in OpenCV's numbers; v = (L 0..100, a, b)

static __device__ inline float linear_of_srgb(float value) {
    return value <= 0.04045f ? value / 12.92f : powf((value + 0.055f) / 1.055f, 2.4f);
}

static __device__ inline float srgb_of_linear(float value) {
    value = clamped(value, 0.0f, 1.0f);
    return value <= 0.0031308f ? value * 12.92f : 1.055f * powf(value, 1.0f / 2.4f) - 0.055f;
}

static __device__ inline float lab_root(float share) {
    return share > 0.008856f ? cbrtf(share) : 7.787f * share + 16.0f / 116.0f;
}

static __device__ inline float lab_root_undone(float root) {
    return root > 0.206893f ? root * root * root : (root - 16.0f / 116.0f) / 7.787f;
}

// Of levels 0..1.
static __device__ inline Bgr lab_of(Bgr bgr) {
    float b = linear_of_srgb(bgr.v[0]), g = linear_of_srgb(bgr.v[1]), r = linear_of_srgb(bgr.v[2]);
    float x = lab_root((0.412453f * r + 0.357580f * g + 0.180423f * b) / 0.950456f);
    float light = 0.212671f * r + 0.715160f * g + 0.072169f * b;
    float y = lab_root(light);
    float z = lab_root((0.019334f * r + 0.119193f * g + 0.950227f * b) / 1.088754f);
    return Bgr{{light > 0.008856f ? 116.0f * y - 16.0f : 903.3f * light, 500.0f * (x - y), 200.0f * (y - z)}};
}

static __device__ inline Bgr bgr_of(Bgr lab) {
    float root = (lab.v[0] + 16.0f) / 116.0f;
    float y = lab.v[0] > 7.9996248f ? root * root * root : lab.v[0] / 903.3f;
    float x = lab_root_undone(root + lab.v[1] / 500.0f) * 0.950456f;
    float z = lab_root_undone(root - lab.v[2] / 200.0f) * 1.088754f;
    return Bgr{{srgb_of_linear(0.055648f * x - 0.204043f * y + 1.057311f * z),
                srgb_of_linear(-0.969256f * x + 1.875991f * y + 0.041556f * z),
                srgb_of_linear(3.240479f * x - 1.537150f * y - 0.498535f * z)}};
}

// The patch's samples on a grid of `step` px, of which every thread takes some.
struct Samples {
    const u8 *patch, *mask;
    int patch_pitch, mask_pitch, columns, rows, step;
    __device__ Samples(const u8* patch, int patch_pitch, const u8* mask, int mask_pitch, int width, int height, int step)
        : patch(patch), mask(mask), patch_pitch(patch_pitch), mask_pitch(mask_pitch),
          columns((width + step - 1) / step), rows((height + step - 1) / step), step(step) {}
    __device__ bool taken(int i) const {
        return row_of(mask, i / columns * step, mask_pitch)[i % columns * step] >= 128;
    }
    __device__ Bgr persona(int i) const {
        const u8* pixel = row_of(patch, i / columns * step, patch_pitch) + 3 * (i % columns * step);
        return Bgr{{pixel[0] / 255.0f, pixel[1] / 255.0f, pixel[2] / 255.0f}};
    }
    // Calls `add(i)` for this thread's share of the samples that the mask holds.
    template <class Add>
    __device__ void each(Add add) const {
        for (int i = (int)threadIdx.x; i < columns * rows; i += (int)blockDim.x)
            if (taken(i)) add(i);
    }
};

// Mean and standard deviation of a colour over the samples, by two passes: squares of Lab would lose the spread's digits.
template <class Colour>
static __device__ inline void spread_of(const Samples& samples, float count, Colour colour, float* room, float* out) {
    Bgr sum{{0.0f, 0.0f, 0.0f}}, squares = sum;
    samples.each([&](int i) {
        Bgr value = colour(i);
        for (int c = 0; c < 3; ++c) sum.v[c] += value.v[c];
    });
    Bgr mean = block_sum(sum, room);
    for (int c = 0; c < 3; ++c) mean.v[c] /= count;
    samples.each([&](int i) {
        Bgr value = colour(i);
        for (int c = 0; c < 3; ++c) squares.v[c] += (value.v[c] - mean.v[c]) * (value.v[c] - mean.v[c]);
    });
    squares = block_sum(squares, room);
    if (threadIdx.x == 0)
        for (int c = 0; c < 3; ++c) {
            out[c] = mean.v[c];
            out[3 + c] = sqrtf(squares.v[c] / count);
        }
}

extern "C" __global__ void lab_statistics(const u8* __restrict__ source, int pitch, int source_width, int source_height,
                                          const u8* __restrict__ patch, int patch_pitch, const u8* __restrict__ mask,
                                          int mask_pitch, int width, int height, int step, float m00, float m01,
                                          float m02, float m10, float m11, float m12, float* __restrict__ statistics) {
    __shared__ float room[MOST_THREADS];
    Samples samples(patch, patch_pitch, mask, mask_pitch, width, height, step);
    BgrPicture frame{source, pitch, source_width, source_height};
    Affine map{m00, m01, m02, m10, m11, m12};
    float mine = 0.0f;
    samples.each([&](int) { mine += 1.0f; });
    float count = block_sum(mine, room);
    bool enough = count >= LEAST_SAMPLES;
    if (threadIdx.x == 0) statistics[12] = enough ? count : 0.0f;
    if (!enough) return;
    auto driver = [&](int i) {
        float column = (float)(i % samples.columns), row = (float)(i / samples.columns);
        int x = (int)rintf(clamped(map.x(column, row), 0.0f, (float)(source_width - 1)));
        int y = (int)rintf(clamped(map.y(column, row), 0.0f, (float)(source_height - 1)));
        Bgr seen = frame.at(x, y);
        for (int c = 0; c < 3; ++c) seen.v[c] /= 255.0f;
        return lab_of(seen);
    };
    spread_of(samples, count, driver, room, statistics);
    spread_of(samples, count, [&](int i) { return lab_of(samples.persona(i)); }, room, statistics + 6);
}

// The state follows the statistics; a first frame, a step back in time or a gap takes them as they are.
static __device__ inline void follow(const float* statistics, float* state, long long* state_ns, long long media_ns,
                                     float time_constant_s) {
    long long passed_ns = media_ns - *state_ns;
    bool afresh = state[12] == 0.0f || passed_ns < 0 || passed_ns > GAP_NS;
    float share = 1.0f;
    if (!afresh && time_constant_s > 0.0f) share = 1.0f - expf(-((float)passed_ns * 1e-9f) / time_constant_s);
    for (int i = 0; i < 12; ++i) state[i] = afresh ? statistics[i] : state[i] + (statistics[i] - state[i]) * share;
    state[12] = 1.0f;
    *state_ns = media_ns;
}

// Where a Lab colour of the patch moves: mean towards the driver's, spread by half the way and within limits.
struct Move {
    Bgr from, to, spread;
    __device__ Move(const float* state, float strength) {
        const float low[3] = {0.7f, 0.75f, 0.75f}, high[3] = {1.4f, 1.2f, 1.2f};
        for (int c = 0; c < 3; ++c) {
            from.v[c] = state[6 + c];
            to.v[c] = state[6 + c] + strength * (state[c] - state[6 + c]);
            spread.v[c] = clamped(sqrtf((state[3 + c] + 0.5f) / (state[9 + c] + 0.5f)), low[c], high[c]);
        }
    }
    __device__ Bgr operator()(Bgr lab) const {
        for (int c = 0; c < 3; ++c) lab.v[c] = (lab.v[c] - from.v[c]) * spread.v[c] + to.v[c];
        return lab;
    }
};

// Solves a x = b for three right sides by elimination; `a` is symmetric and, by its ridge, positive.
static __device__ inline void solve(float a[3][3], float b[3][3]) {
    for (int k = 0; k < 3; ++k)
        for (int i = 0; i < 3; ++i) {
            if (i == k) continue;
            float part = a[i][k] / a[k][k];
            for (int j = 0; j < 3; ++j) {
                a[i][j] -= part * a[k][j];
                b[i][j] -= part * b[k][j];
            }
        }
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) b[i][j] /= a[i][i];
}

// The map of BGR as `colour._fit_bgr` gives it, from centred sums of samples and of their changes.
static __device__ inline void write_map(float among[3][3], float with[3][3], Bgr middle, Bgr shift, float* colour) {
    solve(among, with);
    for (int i = 0; i < 3; ++i) {
        float moved = shift.v[i];
        for (int j = 0; j < 3; ++j) {
            colour[4 * i + j] = (i == j ? 1.0f : 0.0f) + with[j][i];
            moved -= with[j][i] * middle.v[j];
        }
        colour[4 * i + 3] = 255.0f * moved;
    }
    colour[12] = 1.0f;
}

extern "C" __global__ void colour_fit(const u8* __restrict__ patch, int patch_pitch, const u8* __restrict__ mask,
                                      int mask_pitch, int width, int height, int step,
                                      const float* __restrict__ statistics, float* __restrict__ state,
                                      long long* __restrict__ state_ns, long long media_ns, float strength,
                                      float time_constant_s, float* __restrict__ colour) {
    __shared__ float room[MOST_THREADS];
    float count = statistics[12];
    if (count == 0.0f) {
        if (threadIdx.x < 13) colour[threadIdx.x] = threadIdx.x < 12 && threadIdx.x % 5 == 0 ? 1.0f : 0.0f;
        return;
    }
    if (threadIdx.x == 0) follow(statistics, state, state_ns, media_ns, time_constant_s);
    __syncthreads();
    Samples samples(patch, patch_pitch, mask, mask_pitch, width, height, step);
    Move move(state, strength);
    auto change_of = [&](Bgr bgr) {
        Bgr wanted = bgr_of(move(lab_of(bgr)));
        for (int c = 0; c < 3; ++c) wanted.v[c] -= bgr.v[c];
        return wanted;
    };
    Bgr middle{{0.0f, 0.0f, 0.0f}}, shift = middle;
    samples.each([&](int i) {
        Bgr bgr = samples.persona(i), change = change_of(bgr);
        for (int c = 0; c < 3; ++c) {
            middle.v[c] += bgr.v[c];
            shift.v[c] += change.v[c];
        }
    });
    middle = block_sum(middle, room);
    shift = block_sum(shift, room);
    for (int c = 0; c < 3; ++c) {
        middle.v[c] /= count;
        shift.v[c] /= count;
    }
    float among[3][3] = {}, with[3][3] = {};
    samples.each([&](int i) {
        Bgr bgr = samples.persona(i), change = change_of(bgr);
        for (int j = 0; j < 3; ++j)
            for (int k = 0; k < 3; ++k) {
                among[j][k] += (bgr.v[j] - middle.v[j]) * (bgr.v[k] - middle.v[k]);
                with[j][k] += (bgr.v[j] - middle.v[j]) * (change.v[k] - shift.v[k]);
            }
    });
    for (int j = 0; j < 3; ++j)
        for (int k = 0; k < 3; ++k) {
            among[j][k] = block_sum(among[j][k], room) + (j == k ? count * (3.0f / 255.0f) * (3.0f / 255.0f) : 0.0f);
            with[j][k] = block_sum(with[j][k], room);
        }
    if (threadIdx.x == 0) write_map(among, with, middle, shift, colour);
}

// One block for each output pixel.
extern "C" __global__ void area_means(const u8* __restrict__ source, int pitch, int source_width, int source_height,
                                      u8* __restrict__ out, int out_pitch, int width, int height, int channels) {
    __shared__ float room[MOST_THREADS];
    Span columns((int)blockIdx.x, source_width, width), rows((int)blockIdx.y, source_height, height);
    int across = columns.last - columns.first + 1, count = across * (rows.last - rows.first + 1);
    float sum[3] = {0.0f, 0.0f, 0.0f};
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        int column = columns.first + i % across, row = rows.first + i / across;
        float weight = columns.weight(column) * rows.weight(row);
        for (int c = 0; c < channels; ++c) sum[c] += weight * (float)row_of(source, row, pitch)[column * channels + c];
    }
    bool of_four = source_width == 2 * width && source_height == 2 * height;
    for (int c = 0; c < channels; ++c) {
        float whole = block_sum(sum[c], room);
        if (threadIdx.x == 0)
            row_of(out, (int)blockIdx.y, out_pitch)[(int)blockIdx.x * channels + c] =
                mean_level(whole, columns.length() * rows.length(), of_four);
    }
}

extern "C" __global__ void region_mean(const u8* __restrict__ picture, int pitch, int width, int height, int step,
                                       float* __restrict__ mean) {
    __shared__ float room[MOST_THREADS];
    int columns = (width + step - 1) / step, count = columns * ((height + step - 1) / step);
    float mine = 0.0f;
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        const u8* pixel = row_of(picture, i / columns * step, pitch) + 3 * (i % columns * step);
        mine += (float)(pixel[0] + pixel[1] + pixel[2]);
    }
    float sum = block_sum(mine, room);
    if (threadIdx.x == 0) *mean = sum / (3.0f * (float)count);
}

extern "C" __global__ void painted_area(const u8* __restrict__ mask, int pitch, int width, int height, float m00,
                                        float m01, float m02, float m10, float m11, float m12, int frame_width,
                                        int frame_height, int* __restrict__ area) {
    __shared__ int room[MOST_THREADS];
    Affine map{m00, m01, m02, m10, m11, m12};
    int mine = 0;
    for (int i = (int)threadIdx.x; i < width * height; i += (int)blockDim.x) {
        float x = map.x((float)(i % width), (float)(i / width)), y = map.y((float)(i % width), (float)(i / width));
        bool inside = x >= 0.0f && y >= 0.0f && x <= (float)frame_width && y <= (float)frame_height;
        mine += inside && row_of(mask, i / width, pitch)[i % width] > 127;
    }
    int sum = block_sum(mine, room);
    if (threadIdx.x == 0) *area = sum;
}
