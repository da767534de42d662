/* A system call by the door of 32-bit programs, whose numbers are others: there 20 is getpid, here it is writev. */
#include <stdio.h>

int main(void) {
  long result = 20;
#ifdef __x86_64__
  __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  printf(result > 0 ? "reached: getpid says %ld\n" : "unavailable: %ld\n", result);
#else
  printf("unavailable: this is of x86-64\n");
#endif
  return 0;
}
