; Tiny programs with the ABI of compiled code, for the tests of the runtime.

declare void @gx_fail(ptr, i32, ptr)
declare void @gx_parallel_for(ptr, ptr, ptr, i64, i64)
declare void @gx_callback(ptr, ptr, ptr, ptr)
declare void @gx_callback_of(ptr, ptr, ptr, ptr)
declare void @gx_check_of(ptr, ptr, ptr, ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

@text = constant [8 x i8] c"no good\00"

; out = x + 1, one float
define void @add_one(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %xp = load ptr, ptr %args
  %x = load float, ptr %xp
  %y = fadd float %x, 1.0
  %op = load ptr, ptr %outs
  store float %y, ptr %op
  ret void
}

; out = x + y, one float
define void @add(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %ypp = getelementptr ptr, ptr %args, i64 1
  %xp = load ptr, ptr %args
  %yp = load ptr, ptr %ypp
  %x = load float, ptr %xp
  %y = load float, ptr %yp
  %z = fadd float %x, %y
  %op = load ptr, ptr %outs
  store float %z, ptr %op
  ret void
}

; (x, y) -> (y, x), one float each
define void @swap(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %ypp = getelementptr ptr, ptr %args, i64 1
  %xp = load ptr, ptr %args
  %yp = load ptr, ptr %ypp
  %x = load float, ptr %xp
  %y = load float, ptr %yp
  %p = load ptr, ptr %outs
  %qp = getelementptr ptr, ptr %outs, i64 1
  %q = load ptr, ptr %qp
  store float %y, ptr %p
  store float %x, ptr %q
  ret void
}

; out = x + 1 after as many pauses as the second argument (i64) says
define void @slow_add_one(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
entry:
  %npp = getelementptr ptr, ptr %args, i64 1
  %np = load ptr, ptr %npp
  %n = load i64, ptr %np
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %next = add i64 %i, 1
  call void asm sideeffect "", ""()
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  call void @add_one(ptr %ctx, ptr %args, ptr %outs, ptr %arena)
  ret void
}

; the same, and then it fails
define void @slow_failure(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  call void @slow_add_one(ptr %ctx, ptr %args, ptr %outs, ptr %arena)
  call void @gx_fail(ptr %ctx, i32 2, ptr @text)
  ret void
}

; 1 if the output has the memory of the argument, after 1000 bytes of the arena were written
define void @same_memory(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %xp = load ptr, ptr %args
  %op = load ptr, ptr %outs
  %same = icmp eq ptr %xp, %op
  %w = uitofp i1 %same to float
  store float %w, ptr %op
  call void @llvm.memset.p0.i64(ptr %arena, i8 1, i64 1000, i1 false)
  ret void
}

define void @count(ptr %ctx, ptr %env, i64 %begin, i64 %end) {
entry:
  br label %loop
loop:
  %i = phi i64 [%begin, %entry], [%next, %loop]
  %next = add i64 %i, 1
  %p = getelementptr i64, ptr %env, i64 %i
  %old = load i64, ptr %p
  %new = add i64 %old, %i
  store i64 %new, ptr %p
  %more = icmp slt i64 %next, %end
  br i1 %more, label %loop, label %done
done:
  ret void
}

; out[i] = i, 100000 elements in parallel pieces of at least 1000
define void @iota(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %op = load ptr, ptr %outs
  call void @llvm.memset.p0.i64(ptr %op, i8 0, i64 800000, i1 false)
  call void @gx_parallel_for(ptr %ctx, ptr @count, ptr %op, i64 100000, i64 1000)
  ret void
}

define void @nothing(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  ret void
}

; calls the gradax.native.Callback whose address is the second argument (i64)
define void @call_python(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %app = getelementptr ptr, ptr %args, i64 1
  %ap = load ptr, ptr %app
  call void @gx_callback(ptr %ctx, ptr %args, ptr %outs, ptr %ap)
  ret void
}

; calls one of several callbacks with what follows their addresses; the last argument says which
define void @call_one_of(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %app = getelementptr ptr, ptr %args, i64 2
  %ap = load ptr, ptr %app
  call void @gx_callback_of(ptr %ctx, ptr %args, ptr %outs, ptr %ap)
  ret void
}

; the same, only where the argument is not what is fine
define void @check_one_of(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %app = getelementptr ptr, ptr %args, i64 2
  %ap = load ptr, ptr %app
  call void @gx_check_of(ptr %ctx, ptr %args, ptr %outs, ptr %ap)
  ret void
}
