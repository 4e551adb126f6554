// A module with what most generated modules have: a vector loop with a masked rest, and an entry.
#pragma once

namespace gradax::llvm {

inline constexpr char kSample[] = R"(
declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, i32, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, i32, <8 x i1>)
declare void @outside(ptr, ptr)

define internal void @kernel(ptr %ctx, ptr %env, i64 %begin, i64 %end) #0 {
entry:
  %slot = alloca <8 x float>, align 32
  %in = load ptr, ptr %env, align 8
  %place = getelementptr ptr, ptr %env, i64 1
  %out = load ptr, ptr %place, align 8
  br label %head
head:
  %i = phi i64 [ %begin, %entry ], [ %next, %body ]
  %sum = phi <8 x float> [ zeroinitializer, %entry ], [ %more, %body ]
  %again = icmp slt i64 %i, %end
  br i1 %again, label %body, label %rest
body:
  %p = getelementptr float, ptr %in, i64 %i
  %x = load <8 x float>, ptr %p, align 4
  %big = fcmp ogt <8 x float> %x, splat (float 0x4056600000000000)
  %y = select <8 x i1> %big, <8 x float> splat (float 0x4056600000000000), <8 x float> %x
  %z = call <8 x float> @llvm.fma.v8f32(<8 x float> %y, <8 x float> %x,
                                        <8 x float> splat (float 2.0))
  %bits = bitcast <8 x float> %z to <8 x i32>
  %shifted = shl <8 x i32> %bits, splat (i32 3)
  %added = add <8 x i32> %shifted, splat (i32 126)
  %w = sitofp <8 x i32> %added to <8 x float>
  %q = fdiv <8 x float> %w, %x
  %r = fmul <8 x float> %q, %y
  %more = fadd <8 x float> %sum, %r
  %o = getelementptr float, ptr %out, i64 %i
  store <8 x float> %r, ptr %o, align 4
  %next = add nsw i64 %i, 8
  br label %head
rest:
  store <8 x float> %sum, ptr %slot, align 32
  %left = sub i64 %end, %begin
  %one = insertelement <8 x i64> poison, i64 %left, i64 0
  %all = shufflevector <8 x i64> %one, <8 x i64> poison, <8 x i32> zeroinitializer
  %mask = icmp slt <8 x i64> <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7>, %all
  %last = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %in, i32 4, <8 x i1> %mask,
                                                      <8 x float> zeroinitializer)
  %kept = load <8 x float>, ptr %slot, align 32
  %total = fadd <8 x float> %last, %kept
  call void @llvm.masked.store.v8f32.p0(<8 x float> %total, ptr %out, i32 4, <8 x i1> %mask)
  %lane = extractelement <8 x float> %total, i64 0
  %double = fpext float %lane to double
  %n = fptosi double %double to i32
  %is_odd = trunc i32 %n to i1
  br i1 %is_odd, label %call, label %done
call:
  call void @outside(ptr %ctx, ptr %env)
  br label %done
done:
  ret void
}

define void @entry(ptr %ctx, ptr %args, ptr %outs, ptr %arena) #0 {
entry:
  %env = alloca [2 x ptr], align 8
  %in = load ptr, ptr %args, align 8
  store ptr %in, ptr %env, align 8
  call void @kernel(ptr %ctx, ptr %env, i64 0, i64 64)
  ret void
}

attributes #0 = { nounwind "no-trapping-math"="true" }
)";

}  // namespace gradax::llvm
