; The only native code of our own: what Halide's runtime calls back into.
;
; Halide's generated code hands its first argument, `user_context`, to every hook of its runtime. We make that
; argument a %context: the thread limit of this call, the text of its first error, and a small stock of memory
; blocks that the next call reuses (a fresh 50 MB block costs its page faults at every call otherwise).
; Everything here is re-entrant: hooks run on pool threads, several calls are in flight at once, none holds the GIL.
;
; The layout of %context is mirrored by CONTEXT_SIZE in kernel.py and by the entries that entry.py writes.

%context = type {
  i32,            ; 0: most threads this call may use (1: the calling thread alone)
  i32,            ; 1: 1 once an error text is recorded
  i32,            ; 2: spin lock over the fields below and `failed`
  i32,            ; 3: 1 while a parallel loop runs: loops inside its tasks are serial
  i64,            ; 4: bytes held in `blocks`
  i64,            ; 5: most bytes to hold
  [32 x ptr],     ; 6: blocks not in use, each with its size in its header
  [1024 x i8]     ; 7: error text, zero-terminated
}
%job = type { ptr, ptr, i32, i32, i32 }   ; task, closure, first index, count, next offset (atomic)

declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare i64 @strlen(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare i32 @halide_default_do_par_for(ptr, ptr, i32, i32, ptr)
declare ptr @halide_set_custom_do_par_for(ptr)
declare ptr @halide_set_error_handler(ptr)
declare ptr @halide_set_custom_malloc(ptr)
declare ptr @halide_set_custom_free(ptr)

; Puts our hooks into the Halide runtime. Called once, before any pipeline runs.
define hidden void @hf_install() {
  call ptr @halide_set_custom_do_par_for(ptr @hf_do_par_for)
  call ptr @halide_set_error_handler(ptr @hf_error)
  call ptr @halide_set_custom_malloc(ptr @hf_malloc)
  call ptr @halide_set_custom_free(ptr @hf_free)
  ret void
}

define internal void @lock(ptr %context) {
  %word = getelementptr %context, ptr %context, i32 0, i32 2
  br label %try
try:
  %old = atomicrmw xchg ptr %word, i32 1 acquire
  %held = icmp ne i32 %old, 0
  br i1 %held, label %try, label %done
done:
  ret void
}

define internal void @unlock(ptr %context) {
  %word = getelementptr %context, ptr %context, i32 0, i32 2
  store atomic i32 0, ptr %word release, align 4
  ret void
}

; ---------------------------------------------------------------------------------------------- threads

; A parallel loop: at most `threads` workers share one atomic counter, so the limit holds exactly and does not
; depend on what else the pool is doing. A parallel loop inside a task of another would multiply the workers: it
; runs on the worker that meets it.
define hidden i32 @hf_do_par_for(ptr %context, ptr %task, i32 %min, i32 %size, ptr %closure) {
entry:
  %no_context = icmp eq ptr %context, null
  br i1 %no_context, label %unlimited, label %limited
unlimited:
  %plain = call i32 @halide_default_do_par_for(ptr null, ptr %task, i32 %min, i32 %size, ptr %closure)
  ret i32 %plain
limited:
  %threads = load i32, ptr %context
  %fewer = icmp slt i32 %size, %threads
  %workers = select i1 %fewer, i32 %size, i32 %threads
  %alone = icmp sle i32 %workers, 1
  %job = alloca %job
  %task.at = getelementptr %job, ptr %job, i32 0, i32 0
  %closure.at = getelementptr %job, ptr %job, i32 0, i32 1
  %min.at = getelementptr %job, ptr %job, i32 0, i32 2
  %size.at = getelementptr %job, ptr %job, i32 0, i32 3
  %next.at = getelementptr %job, ptr %job, i32 0, i32 4
  store ptr %task, ptr %task.at
  store ptr %closure, ptr %closure.at
  store i32 %min, ptr %min.at
  store i32 %size, ptr %size.at
  store i32 0, ptr %next.at
  br i1 %alone, label %serial, label %parallel
serial:
  %status = call i32 @hf_worker(ptr %context, i32 0, ptr %job)
  ret i32 %status
parallel:
  %outer.at = getelementptr %context, ptr %context, i32 0, i32 3
  %outer = atomicrmw xchg ptr %outer.at, i32 1 acquire
  %nested = icmp ne i32 %outer, 0
  br i1 %nested, label %serial, label %outermost
outermost:
  %result = call i32 @halide_default_do_par_for(ptr %context, ptr @hf_worker, i32 0, i32 %workers, ptr %job)
  store atomic i32 0, ptr %outer.at release, align 4
  ret i32 %result
}

define internal i32 @hf_worker(ptr %context, i32 %worker, ptr %job) {
entry:
  %task.at = getelementptr %job, ptr %job, i32 0, i32 0
  %closure.at = getelementptr %job, ptr %job, i32 0, i32 1
  %min.at = getelementptr %job, ptr %job, i32 0, i32 2
  %size.at = getelementptr %job, ptr %job, i32 0, i32 3
  %next.at = getelementptr %job, ptr %job, i32 0, i32 4
  %task = load ptr, ptr %task.at
  %closure = load ptr, ptr %closure.at
  %min = load i32, ptr %min.at
  %size = load i32, ptr %size.at
  br label %take
take:
  %offset = atomicrmw add ptr %next.at, i32 1 monotonic
  %over = icmp sge i32 %offset, %size
  br i1 %over, label %finished, label %run
run:
  %index = add i32 %min, %offset
  %status = call i32 %task(ptr %context, i32 %index, ptr %closure)
  %fine = icmp eq i32 %status, 0
  br i1 %fine, label %take, label %failed
failed:                                            ; the others stop at their next index
  store atomic i32 %size, ptr %next.at monotonic, align 4
  ret i32 %status
finished:
  ret i32 0
}

; ----------------------------------------------------------------------------------------------- errors

; Halide's default prints and aborts. Ours keeps the first text; the pipeline then returns its error code.
define hidden void @hf_error(ptr %context, ptr %text) {
entry:
  %no_context = icmp eq ptr %context, null
  br i1 %no_context, label %done, label %locked
locked:
  call void @lock(ptr %context)
  %failed.at = getelementptr %context, ptr %context, i32 0, i32 1
  %failed = load i32, ptr %failed.at
  %first = icmp eq i32 %failed, 0
  br i1 %first, label %record, label %release
record:
  store i32 1, ptr %failed.at
  %length = call i64 @strlen(ptr %text)
  %long = icmp ugt i64 %length, 1023
  %kept = select i1 %long, i64 1023, i64 %length
  %buffer = getelementptr %context, ptr %context, i32 0, i32 7
  call void @llvm.memcpy.p0.p0.i64(ptr %buffer, ptr %text, i64 %kept, i1 false)
  %end = getelementptr i8, ptr %buffer, i64 %kept
  store i8 0, ptr %end
  br label %release
release:
  call void @unlock(ptr %context)
  br label %done
done:
  ret void
}

; ----------------------------------------------------------------------------------------------- memory

; Takes a block out of the stock, which is in the order in which blocks came.
define internal void @drop(ptr %context, i32 %place) {
  %to = getelementptr %context, ptr %context, i32 0, i32 6, i32 %place
  %from = getelementptr ptr, ptr %to, i32 1
  %count = sub i32 31, %place
  %wide = zext i32 %count to i64
  %bytes = shl i64 %wide, 3
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  %last = getelementptr %context, ptr %context, i32 0, i32 6, i32 31
  store ptr null, ptr %last
  ret void
}

; A block is 128 bytes of header (its usable size) and the memory handed out, aligned to 128 as Halide expects.
define hidden ptr @hf_malloc(ptr %context, i64 %size) {
entry:
  %no_context = icmp eq ptr %context, null
  br i1 %no_context, label %fresh, label %search
search:
  call void @lock(ptr %context)
  %twice = shl i64 %size, 1
  %most = add i64 %twice, 4096                     ; a far larger block would be wasted on this request
  %held.at = getelementptr %context, ptr %context, i32 0, i32 4
  br label %slot
slot:
  %i = phi i32 [ 0, %search ], [ %i.next, %next ]
  %at = getelementptr %context, ptr %context, i32 0, i32 6, i32 %i
  %block = load ptr, ptr %at
  %empty = icmp eq ptr %block, null
  br i1 %empty, label %next, label %fits
fits:
  %have = load i64, ptr %block
  %enough = icmp uge i64 %have, %size
  %close = icmp ule i64 %have, %most
  %good = and i1 %enough, %close
  br i1 %good, label %reuse, label %next
reuse:
  call void @drop(ptr %context, i32 %i)
  %held = load i64, ptr %held.at
  %rest = sub i64 %held, %have
  store i64 %rest, ptr %held.at
  call void @unlock(ptr %context)
  %reused = getelementptr i8, ptr %block, i64 128
  ret ptr %reused
next:
  %i.next = add i32 %i, 1
  %last = icmp eq i32 %i.next, 32
  br i1 %last, label %none, label %slot
none:
  call void @unlock(ptr %context)
  br label %fresh
fresh:
  %padded = add i64 %size, 383                     ; vectors may be loaded from beyond the end, by less than 128 bytes
  %total = and i64 %padded, -128                   ; aligned_alloc wants a multiple of the alignment
  %new = call ptr @aligned_alloc(i64 128, i64 %total)
  %out_of_memory = icmp eq ptr %new, null
  br i1 %out_of_memory, label %fail, label %made
made:
  %usable = sub i64 %total, 256
  store i64 %usable, ptr %new
  %memory = getelementptr i8, ptr %new, i64 128
  ret ptr %memory
fail:
  ret ptr null
}

define hidden void @hf_free(ptr %context, ptr %memory) {
entry:
  %nothing = icmp eq ptr %memory, null
  br i1 %nothing, label %done, label %some
some:
  %block = getelementptr i8, ptr %memory, i64 -128
  %no_context = icmp eq ptr %context, null
  br i1 %no_context, label %give_back, label %keep
keep:
  call void @lock(ptr %context)
  %size = load i64, ptr %block
  %held.at = getelementptr %context, ptr %context, i32 0, i32 4
  %limit.at = getelementptr %context, ptr %context, i32 0, i32 5
  %limit = load i64, ptr %limit.at
  %oldest.at = getelementptr %context, ptr %context, i32 0, i32 6, i32 0
  %last.at = getelementptr %context, ptr %context, i32 0, i32 6, i32 31
  br label %room
room:                                              ; the oldest are given up for the new one
  %held = load i64, ptr %held.at
  %sum = add i64 %held, %size
  %too_much = icmp ugt i64 %sum, %limit
  %last.block = load ptr, ptr %last.at
  %all = icmp ne ptr %last.block, null
  %no_room = or i1 %too_much, %all
  br i1 %no_room, label %evict, label %slot
evict:
  %oldest = load ptr, ptr %oldest.at
  %nobody = icmp eq ptr %oldest, null
  br i1 %nobody, label %full, label %give_up
give_up:
  %lost = load i64, ptr %oldest
  %left = sub i64 %held, %lost
  store i64 %left, ptr %held.at
  call void @drop(ptr %context, i32 0)
  call void @free(ptr %oldest)
  br label %room
slot:
  %i = phi i32 [ 0, %room ], [ %i.next, %next ]
  %at = getelementptr %context, ptr %context, i32 0, i32 6, i32 %i
  %there = load ptr, ptr %at
  %empty = icmp eq ptr %there, null
  br i1 %empty, label %put, label %next
put:
  store ptr %block, ptr %at
  store i64 %sum, ptr %held.at
  call void @unlock(ptr %context)
  ret void
next:
  %i.next = add i32 %i, 1
  br label %slot
full:
  call void @unlock(ptr %context)
  br label %give_back
give_back:
  call void @free(ptr %block)
  br label %done
done:
  ret void
}

; Frees the stock of a context that will not be used again.
define hidden void @hf_release(ptr %context) {
entry:
  br label %slot
slot:
  %i = phi i32 [ 0, %entry ], [ %i.next, %slot ]
  %at = getelementptr %context, ptr %context, i32 0, i32 6, i32 %i
  %block = load ptr, ptr %at
  call void @free(ptr %block)
  store ptr null, ptr %at
  %i.next = add i32 %i, 1
  %last = icmp eq i32 %i.next, 32
  br i1 %last, label %done, label %slot
done:
  %held.at = getelementptr %context, ptr %context, i32 0, i32 4
  store i64 0, ptr %held.at
  ret void
}

declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
